// The rows of the list, and what events make of them. Pure.
import type { Schemas } from "../api/client";
import type { Filters } from "./filters";

type Order = Filters["order"];

export type Job = Schemas["JobSummary"];

/** An event of a job: what the list shows of it, as it is now. */
export interface JobEvent extends Partial<Omit<Job, "id" | "state">> {
  jobId: string;
  taskId?: string;
  version?: number;
  state?: string;
}

/** Whether a new job belongs to what is shown; undefined where only the server knows. */
export function matches(event: JobEvent, filters: Filters): boolean | undefined {
  const { states, tag, by, before } = filters;
  if (before) return false;
  if (states.length && !states.includes(event.state ?? "")) return false;
  if (tag && !tag.split(",").some((one) => event.tags?.includes(one))) return false;
  if (by && event.createdBy?.username?.toLowerCase() !== by.toLowerCase()) return false;
  return filters.q || filters.name ? undefined : true;
}

/** The job of a row after an event; null takes away what is no longer so (a restart). */
export function changed(job: Job, event: JobEvent): Job {
  const { jobId: _, taskId: _task, version: _version, ...news } = event;
  const gone = { completedAt: undefined, failedAt: undefined, cancelledAt: undefined };
  return { ...job, ...gone, error: undefined, ...news } as Job;
}

/** A row of a job that is known by its event only. */
export function created(event: JobEvent): Job {
  const { jobId, taskId: _, version: _version, ...facts } = event;
  return { position: 0, taskCount: 0, createdAt: "", name: "", ...facts, id: jobId } as Job;
}

export interface Span {
  from: string | undefined;
  to?: string;
}

/** When it began and ended; without an end it goes on. */
export function spanOf(job: Job): Span {
  if (job.state === "PENDING" || job.state === "SCHEDULED") return { from: undefined };
  const from = job.runStartedAt ?? job.startedAt;
  const to = job.completedAt ?? job.failedAt ?? job.cancelledAt;
  if (job.state !== "RUNNING" && !to) return { from: undefined };
  return { from, ...(to ? { to } : {}) };
}

export type Act = "cancel" | "restart" | "delete";

/** Which of the acts the job's state allows, if its reader may act on it. */
export function allows(job: Job, act: Act): boolean {
  if (job.access === "view") return false;
  switch (act) {
    case "cancel":
      return ["PENDING", "SCHEDULED", "RUNNING"].includes(job.state);
    case "restart":
      return job.state === "FAILED" || job.state === "CANCELLED";
    case "delete":
      return ["COMPLETED", "FAILED", "CANCELLED"].includes(job.state);
  }
}

/** The ids between two rows, both included, in whatever order. */
export function between(ids: readonly string[], one: string, other: string): string[] {
  const [from, to] = [ids.indexOf(one), ids.indexOf(other)].sort((a, b) => a - b);
  return from === undefined || to === undefined || from < 0 ? [other] : ids.slice(from, to + 1);
}

/** Both together in their order, each once. */
export function merged(found: readonly Job[], rows: readonly Job[], order: Order): Job[] {
  const ids = new Set(found.map((job) => job.id));
  const sign = order === "newest" ? -1 : 1;
  return [...found, ...rows.filter((job) => !ids.has(job.id))].sort(
    (a, b) => sign * (Date.parse(a.createdAt) - Date.parse(b.createdAt)),
  );
}

/** The place in the list that what follows the job comes after. */
export const placeOf = (job: Job): string => `${job.createdAt},${job.id}`;

/** The same rows, as they are in what was read again. */
export function refreshed(rows: readonly Job[], read: readonly Job[]): Job[] {
  const byId = new Map(read.map((job) => [job.id, job]));
  return rows.map((job) => byId.get(job.id) ?? job);
}

/** Whether a job that is not among the rows would be, or would follow them with nothing between. */
export function belongs(event: JobEvent, shown: Shown): boolean {
  if (event.taskId || !event.createdAt) return false;
  const last = shown.rows.at(-1);
  if (!shown.next || !last) return true;
  const isLater = Date.parse(event.createdAt) > Date.parse(last.createdAt);
  return shown.order === "newest" ? isLater : !isLater;
}

export interface Shown {
  order: Order;
  rows: readonly Job[];
  /** What the jobs that follow come after; undefined at the end of the list. */
  next: string | undefined;
}
