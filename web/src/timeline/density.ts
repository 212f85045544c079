// How many attempts ran at once over time: what a thousand bars come to.
import type { Bar } from "./model";
import type { Range } from "./scale";

/** Attempts as numbers, to be counted sixty times a second. */
export interface Crowd {
  starts: Float64Array;
  ends: Float64Array;
  failures: Float64Array;
  /** How many ran at once at most. */
  peak: number;
}

const GOES_ON = Number.POSITIVE_INFINITY;

export function crowdOf(bars: readonly Bar[]): Crowd {
  const begun = bars.filter((bar) => bar.started !== undefined);
  const failed = bars.filter((bar) => bar.attempt.state === "FAILED");
  const starts = Float64Array.from(begun, (bar) => bar.started ?? 0);
  const ends = Float64Array.from(begun, (bar) => bar.ended ?? GOES_ON);
  const failures = Float64Array.from(failed, (bar) => bar.ended ?? 0);
  return { starts, ends, failures, peak: peakOf(starts.toSorted(), ends.toSorted()) };
}

function peakOf(starts: Float64Array, ends: Float64Array): number {
  let most = 0;
  let over = 0;
  for (let begun = 0; begun < starts.length; begun++) {
    while ((ends[over] as number) <= (starts[begun] as number)) over += 1;
    most = Math.max(most, begun + 1 - over);
  }
  return most;
}

export interface Density {
  /** How many ran in each part of the range. */
  running: Int32Array;
  /** How many failed in it. */
  failed: Int32Array;
  most: number;
}

export function densityOf(crowd: Crowd, range: Range, parts: number, now: number): Density {
  const changes = new Int32Array(parts + 1);
  const failed = new Int32Array(parts);
  const perMs = parts / (range.to - range.from);
  for (let i = 0; i < crowd.starts.length; i++) {
    const first = Math.floor(((crowd.starts[i] as number) - range.from) * perMs);
    const last = Math.floor((Math.min(crowd.ends[i] as number, now) - range.from) * perMs);
    if (last < 0 || first >= parts) continue;
    changes[Math.max(first, 0)] = (changes[Math.max(first, 0)] as number) + 1;
    if (last + 1 < parts) changes[last + 1] = (changes[last + 1] as number) - 1;
  }
  for (const at of crowd.failures) {
    const part = Math.floor((at - range.from) * perMs);
    if (part >= 0 && part < parts) failed[part] = (failed[part] as number) + 1;
  }
  return { failed, ...summed(changes, parts) };
}

function summed(changes: Int32Array, parts: number): { running: Int32Array; most: number } {
  const running = new Int32Array(parts);
  let sum = 0;
  let most = 0;
  for (let part = 0; part < parts; part++) {
    sum += changes[part] as number;
    running[part] = sum;
    most = Math.max(most, sum);
  }
  return { running, most };
}
