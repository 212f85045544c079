// When a schedule fires and how late a run was, in words. Pure.
import type { Schemas } from "../api/client";
import { duration } from "../ui/format";

export type Schedule = Schemas["ScheduledJobSummary"];
export type Whole = Schemas["ScheduledJob"];
export type Run = Schemas["ScheduleRun"];

/** The fields of a submission's `schedule` that say when. */
export interface Timing {
  cron?: string;
  crons?: string[];
  interval?: string;
  at?: string;
  timezone?: string;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const NAMED: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

export function whenInWords(timing: Timing): string {
  const { cron, crons, interval, at, timezone } = timing;
  if (at) return "Once";
  if (interval) return `Every ${interval}`;
  const words = (cron ? [cron] : (crons ?? [])).map(cronInWords);
  const zone = timezone && timezone !== "UTC" ? ` (${timezone})` : "";
  return words.join("; ") + zone;
}

/** As `At 02:00 every day`; an expression that takes more words than it has stays as it is. */
export function cronInWords(text: string): string {
  const cron = NAMED[text.trim()] ?? text.trim();
  const every = /^@every (\S+)$/.exec(cron);
  if (every) return `Every ${every[1]}`;
  const fields = cron.split(/\s+/);
  if (fields.length !== 5) return text;
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const days = daysInWords(day, month, weekday);
  const time = timeInWords(minute, hour);
  if (days === undefined || time === undefined) return text;
  return time.isOften
    ? time.words + (days === "every day" ? "" : `, ${days}`)
    : `${capital(days)} at ${time.words}`;
}

function timeInWords(
  minute: string,
  hour: string,
): { words: string; isOften: boolean } | undefined {
  const step = /^(?:\*|0)\/(\d+)$/;
  const minutes = step.exec(minute)?.[1];
  if (hour === "*") {
    if (minute === "*") return { words: "Every minute", isOften: true };
    if (minutes) return { words: `Every ${minutes} minutes`, isOften: true };
    if (minute === "0") return { words: "Every hour", isOften: true };
    if (/^\d+$/.test(minute))
      return { words: `Every hour at minute ${Number(minute)}`, isOften: true };
    return undefined;
  }
  const hours = step.exec(hour)?.[1];
  if (hours && minute === "0") return { words: `Every ${hours} hours`, isOften: true };
  if (!/^\d+$/.test(minute) || !/^\d+(,\d+)*$/.test(hour)) return undefined;
  const times = hour.split(",").map((one) => `${one.padStart(2, "0")}:${minute.padStart(2, "0")}`);
  return { words: listed(times), isOften: false };
}

function daysInWords(day: string, month: string, weekday: string): string | undefined {
  const isAny = (field: string) => field === "*" || field === "?";
  if (!isAny(month)) return undefined;
  if (isAny(day) && isAny(weekday)) return "every day";
  if (isAny(weekday)) {
    if (day === "L") return "on the last day of each month";
    return /^\d+$/.test(day) ? `on day ${Number(day)} of each month` : undefined;
  }
  return isAny(day) ? weekdaysInWords(weekday) : undefined;
}

function weekdaysInWords(field: string): string | undefined {
  const range = /^([^,/#-]+)-([^,/#-]+)$/.exec(field);
  const parts = range ? [range[1], range[2]] : field.split(",");
  const names = parts.map((part) => dayName(part ?? ""));
  if (names.some((name) => name === undefined)) return undefined;
  return range ? `${names[0]} to ${names[1]}` : `each ${listed(names as string[])}`;
}

function dayName(text: string): string | undefined {
  if (/^[0-7]$/.test(text)) return DAYS[Number(text) % 7];
  return /^[a-z]{3}$/i.test(text)
    ? DAYS.find((day) => day.slice(0, 3).toLowerCase() === text.toLowerCase())
    : undefined;
}

const listed = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const NOTABLE_MS = 2000;

/** How long after its time a run was made, where that is worth a word; jitter is meant. */
export function lateMs(run: Run, jitterMs = 0): number | undefined {
  if (run.state !== "FIRED" || run.kind !== "SCHEDULED") return undefined;
  const late = Date.parse(run.at) - Date.parse(run.scheduledAt) - jitterMs;
  return late > NOTABLE_MS ? late : 0;
}

export function lateInWords(late: number | undefined): string {
  if (late === undefined) return "";
  return late ? `${duration(late)} late` : "on time";
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Of `1h30m`; 0 of nothing. */
export function milliseconds(text: unknown): number {
  if (typeof text !== "string") return 0;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g))
    total += Number(amount) * (UNITS[unit ?? ""] ?? 0);
  return total;
}
