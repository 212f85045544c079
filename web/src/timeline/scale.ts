// The time axis: what is in sight, zooming and moving it, and its ticks.
import { timeFormat } from "../ui/format";

/** What is in sight, in ms since 1970. */
export interface Range {
  from: number;
  to: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SHORTEST = 10;
const LONGEST = 400 * DAY;

const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90].map((n) => n * DAY),
];

export const px = (ms: number, range: Range, width: number): number =>
  ((ms - range.from) / (range.to - range.from)) * width;

/** With a little room on both sides. */
export function fitted(from: number, to: number): Range {
  const length = Math.max(to - from, SHORTEST);
  return { from: from - length * 0.01, to: from + length * 1.03 };
}

/** `factor` below 1 shows less; what is at `share` (0 to 1) of the width stays there. */
export function zoomed(range: Range, factor: number, share: number): Range {
  const length = range.to - range.from;
  const wanted = Math.min(Math.max(length * factor, SHORTEST), LONGEST);
  const from = range.from + (length - wanted) * share;
  return { from, to: from + wanted };
}

/** Moved by a share of its length; never beyond `bounds` with all of it. */
export function moved(range: Range, share: number, bounds: Range): Range {
  const length = range.to - range.from;
  const least = bounds.from - length * 0.9;
  const most = bounds.to - length * 0.1;
  const from = Math.min(Math.max(range.from + length * share, least), most);
  return { from, to: from + length };
}

export interface Tick {
  at: number;
  label: string;
}

/** Some 100 px apart, at round times of the user's zone. */
export function ticks(range: Range, width: number): Tick[] {
  const length = range.to - range.from;
  const apart = (length / Math.max(width, 1)) * 100;
  const step = STEPS.find((one) => one >= apart) ?? LONGEST / 4;
  const found: Tick[] = [];
  for (let at = firstTick(range.from, step); at <= range.to; at = nextTick(at, step))
    found.push({ at, label: label(at, step) });
  return found;
}

/** Minutes east of UTC make no hour everywhere, and days have 23 or 25 of them. */
function firstTick(from: number, step: number): number {
  if (step >= DAY) {
    const midnight = new Date(from);
    midnight.setHours(0, 0, 0, 0);
    return midnight.getTime() >= from ? midnight.getTime() : nextTick(midnight.getTime(), step);
  }
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  return Math.ceil((from - offset) / step) * step + offset;
}

function nextTick(at: number, step: number): number {
  if (step < DAY) return at + step;
  const next = new Date(at);
  next.setDate(next.getDate() + Math.round(step / DAY));
  return next.getTime();
}

const two = (n: number) => String(n).padStart(2, "0");

function label(ms: number, step: number): string {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (step < SECOND)
    return `${time}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  if (step < MINUTE) return `${time}:${two(at.getSeconds())}`;
  return step < DAY && time !== "00:00" ? time : date(ms);
}

const date = timeFormat({ month: "short", day: "numeric" });

/** To the millisecond, in the user's zone. */
export const preciseTime = timeFormat({
  ...{ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});
