// Times and durations that go on by themselves.
import type { TargetedPointerEvent } from "preact";
import { now } from "./clock";
import { duration, exactTime, relative, shortTime } from "./format";

/** How long ago; the exact time is in the title. */
export function Ago({ at }: { at: string | undefined }) {
  if (!at) return null;
  return (
    <time dateTime={at} onPointerEnter={showExactTime}>
      {relative(Date.parse(at), now.value)}
    </time>
  );
}

/** The time in the user's zone. */
export function At({ at }: { at: string | undefined }) {
  if (!at) return null;
  return (
    <time dateTime={at} onPointerEnter={showExactTime}>
      {shortTime(Date.parse(at))}
    </time>
  );
}

/** In the title, written when somebody points at it: for a page of them it takes as long as drawing them. */
export function showExactTime({ currentTarget }: TargetedPointerEvent<HTMLTimeElement>): void {
  currentTarget.title = exactTime(Date.parse(currentTarget.dateTime));
}

/** From a time to another, or to now. */
export function Took({ from, to }: { from: string | undefined; to?: string | undefined }) {
  if (!from) return null;
  const end = to ? Date.parse(to) : now.value;
  return <>{duration(end - Date.parse(from))}</>;
}
