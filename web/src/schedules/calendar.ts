// Coming runs by day and hour, as the calendar shows them. Pure.
import type { Schemas } from "../api/client";

export type Upcoming = Schemas["Upcoming"];

/** One time of one schedule. */
export interface Coming {
  id: string;
  name: string;
  at: number;
}

/** A day in the user's zone. */
export interface Day {
  /** Its first moment. */
  start: number;
  /** Its runs by hour, only hours that have some. */
  hours: readonly Hour[];
  count: number;
}

export interface Hour {
  hour: number;
  runs: readonly Coming[];
}

/** A schedule with too many times to show each. */
export interface Often {
  id: string;
  name: string;
}

export interface Calendar {
  days: readonly Day[];
  often: readonly Often[];
}

/** Midnight of the day that is so many days after that of `at`, in the user's zone. */
export function dayStart(at: number, later = 0): number {
  const day = new Date(at);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + later).getTime();
}

/** `2026-11-29`, in the user's zone. */
export function dayName(at: number): string {
  const day = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The first moment of a day that is named so; undefined for what is no day. */
export function dayNamed(text: string): number | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!found) return undefined;
  const [year, month, day] = found.slice(1).map(Number);
  const at = new Date(year ?? 0, (month ?? 1) - 1, day).getTime();
  return dayName(at) === text ? at : undefined;
}

/** `days` from the day of `start` on. A schedule that has more times than came fires often. */
export function calendarOf(upcoming: Upcoming, start: number, days: number): Calendar {
  const often = upcoming.schedules.filter((one) => one.hasMore);
  const runs = upcoming.schedules
    .filter((one) => !one.hasMore)
    .flatMap(({ id, name, firings }) =>
      firings.map((firing) => ({ id, name, at: Date.parse(firing.at ?? firing.scheduledAt) })),
    )
    .sort((a, b) => a.at - b.at);
  return {
    days: Array.from({ length: days }, (_, n) => {
      const from = dayStart(start, n);
      const to = dayStart(start, n + 1);
      return dayOf(
        from,
        runs.filter((run) => run.at >= from && run.at < to),
      );
    }),
    often: often.map(({ id, name }) => ({ id, name })),
  };
}

function dayOf(start: number, runs: readonly Coming[]): Day {
  const hours = new Map<number, Coming[]>();
  for (const run of runs) {
    const hour = new Date(run.at).getHours();
    hours.set(hour, [...(hours.get(hour) ?? []), run]);
  }
  return {
    start,
    hours: [...hours].map(([hour, some]) => ({ hour, runs: some })),
    count: runs.length,
  };
}
