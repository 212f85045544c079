// The parts of an attempt: waiting, in its queue, and the phases on its worker.
import type { Bar } from "./model";

export type Part = "turn" | "node" | "retry" | "queue" | "other" | Phase;
type Phase = "pull" | "fetch" | "pre" | "run" | "post" | "keep";

export interface Segment {
  part: Part;
  from: number;
  to: number;
}

export const WORDS: Record<Part, string> = {
  turn: "Waits for its turn",
  node: "Waits for a node",
  retry: "Waits before a retry",
  queue: "In the queue",
  pull: "Image pull",
  fetch: "Files in",
  pre: "Pre tasks",
  run: "Run",
  post: "Post tasks",
  keep: "Files out",
  other: "Start and report",
};

/** In order; what took no time is left out. */
export function segmentsOf(bar: Bar, now: number): Segment[] {
  const end = bar.ended ?? now;
  const found: Segment[] = [];
  const add = (part: Part, from: number, to: number) => {
    if (to > from) found.push({ part, from, to });
  };
  const waitsUntil = bar.scheduled ?? bar.started ?? end;
  add(waitOf(bar), bar.created, waitsUntil);
  if (bar.scheduled !== undefined) add("queue", bar.scheduled, bar.started ?? end);
  if (bar.started !== undefined) addPhases(bar, bar.started, end, add);
  return found;
}

const waitOf = ({ attempt }: Bar): Part =>
  attempt.attempt ? "retry" : attempt.kind === "execution" ? "node" : "turn";

const BEFORE_RUN = new Set<Phase>(["pull", "fetch", "pre"]);

type Add = (part: Part, from: number, to: number) => void;

function addPhases(bar: Bar, started: number, end: number, add: Add): void {
  const timings = bar.attempt.timings ?? [];
  if (timings.length === 0) {
    const { phase } = bar.attempt; // of what runs; without it, its worker was lost, or is a new one
    add(phase && BEFORE_RUN.has(phase) ? phase : "run", started, end);
    return;
  }
  let at = started;
  for (const { phase, startedMs, durationMs } of timings) {
    const from = Math.min(Math.max(started + startedMs, at), end);
    const to = Math.min(from + durationMs, end);
    add("other", at, from);
    add(phase, from, to);
    at = Math.max(at, to);
  }
  add("other", at, end);
}

/** How long each part took, in order of its first time. */
export function totals(segments: readonly Segment[]): [Part, number][] {
  const sums = new Map<Part, number>();
  for (const { part, from, to } of segments) sums.set(part, (sums.get(part) ?? 0) + to - from);
  return [...sums];
}
