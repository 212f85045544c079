// What of charts is plain arithmetic: paths, labels of the time axis, rates.
import { duration, timeFormat } from "./format";

/** Lines that are told apart without their colour, in px. */
export const DASHED = [6, 4];
export const DOTTED = [2, 3];

/** As `1.2 s`: the format of times in seconds. */
export const seconds = (value: number): string => duration(value * 1000);

/** A line of a chart; null is a gap. */
export type Values = readonly (number | null)[];

/** The numbers of points that have a gap on both sides: no line leads there. */
export function isolated(values: Values): number[] {
  const found: number[] = [];
  values.forEach((value, n) => {
    if (value !== null && (values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null)
      found.push(n);
  });
  return found;
}

/** The `d` of an SVG path through the values, from 0 at the bottom to `most` at the top. */
export function linePath(values: Values, width: number, height: number, most: number): string {
  const step = width / Math.max(values.length - 1, 1);
  let isPenDown = false;
  return values
    .map((value, n) => {
      if (value === null) {
        isPenDown = false;
        return "";
      }
      const point = `${round(n * step)} ${round(height - (value / most) * height)}`;
      // A lone point: a line of no length, which a round cap shows.
      const command = isPenDown ? `L${point}` : `M${point}L${point}`;
      isPenDown = true;
      return command;
    })
    .join("");
}

const round = (n: number): number => Math.round(n * 10) / 10;

const clock = timeFormat({ hour: "2-digit", minute: "2-digit" });
const day = timeFormat({ month: "short", day: "numeric" });

/** Labels for seconds since 1970, in the user's zone: the day where it begins. */
export function timeLabels(splits: readonly number[]): string[] {
  return splits.map((seconds) => {
    const at = new Date(seconds * 1000);
    const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
    return isMidnight ? day(+at) : clock(+at);
  });
}

/** So many in so many seconds, as a minute has them; null where nothing was counted. */
export function perMinute(count: number | undefined, seconds: number | undefined): number | null {
  return count === undefined || !seconds ? null : (60 * count) / seconds;
}

/** `0`, `0.25`, `12`, `1.2k`, `3.4M` */
export function figure(n: number): string {
  if (n >= 999_950) return `${trimmed(n / 1e6)}M`;
  if (n >= 9_999.5) return `${trimmed(n / 1e3)}k`;
  return n >= 100 ? Math.round(n).toLocaleString("en") : trimmed(n);
}

function trimmed(n: number): string {
  if (n > 0 && n < 0.005) return "<0.01";
  if (n < 1) return String(Math.round(n * 100) / 100);
  return n < 100 ? String(Math.round(n * 10) / 10) : String(Math.round(n));
}
