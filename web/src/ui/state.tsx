// A state: a shape, a word, a colour.
import type { JSX } from "preact";

export type Look = "waiting" | "running" | "completed" | "failed" | "warned";

const RING = <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2" />;

const SHAPES = {
  ring: RING,
  clock: (
    <>
      {RING}
      <path d="M8 5v3h2.5" fill="none" stroke="currentColor" stroke-width="1.5" />
    </>
  ),
  play: <path d="M5 3 13 8 5 13z" fill="currentColor" />,
  tick: <path d="M3 8.5 6.5 12 13 4.5" fill="none" stroke="currentColor" stroke-width="2" />,
  cross: <path d="M4 4 12 12M12 4 4 12" fill="none" stroke="currentColor" stroke-width="2" />,
  barred: (
    <>
      {RING}
      <path d="M4.5 11.5 11.5 4.5" stroke="currentColor" stroke-width="2" />
    </>
  ),
  dash: <path d="M3 8h10" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2" />,
  pause: <path d="M5 3v10M11 3v10" stroke="currentColor" stroke-width="2.5" />,
  warning: (
    <>
      <path d="M8 2 14.5 13.5H1.5z" fill="none" stroke="currentColor" stroke-width="1.6" />
      <path d="M8 6.5v3.5M8 11.3v1" stroke="currentColor" stroke-width="1.6" />
    </>
  ),
} satisfies Record<string, JSX.Element>;

export type Shape = keyof typeof SHAPES;

export interface Shown {
  look: Look;
  shape: Shape;
  word: string;
}

const STATES: Record<string, Shown> = {
  CREATED: { look: "waiting", shape: "ring", word: "Created" },
  PENDING: { look: "waiting", shape: "ring", word: "Pending" },
  SCHEDULED: { look: "waiting", shape: "clock", word: "Scheduled" },
  RUNNING: { look: "running", shape: "play", word: "Running" },
  COMPLETED: { look: "completed", shape: "tick", word: "Completed" },
  FAILED: { look: "failed", shape: "cross", word: "Failed" },
  CANCELLED: { look: "waiting", shape: "barred", word: "Cancelled" },
  STOPPED: { look: "waiting", shape: "barred", word: "Stopped" },
  SKIPPED: { look: "waiting", shape: "dash", word: "Skipped" },
};

export const isFinal = (state: string | undefined): boolean =>
  state === "COMPLETED" || state === "FAILED" || state === "CANCELLED";

export const shownState = (state: string): Shown =>
  STATES[state] ?? { look: "waiting", shape: "ring", word: state };

/** A job's or a task's; `badge` stands out more. */
export function State({ state, badge }: { state: string; badge?: boolean }) {
  return <Mark {...shownState(state)} badge={badge} />;
}

/** Anything else that has a state: give it look, shape and word. */
export function Mark({ look, shape, word, badge }: Shown & { badge?: boolean }) {
  return (
    <span class={`state state-${look}${badge ? " badge" : ""}`}>
      <svg width="12" height="12" viewBox="0 0 16 16" aria-hidden="true">
        {SHAPES[shape]}
      </svg>
      {word}
    </span>
  );
}
