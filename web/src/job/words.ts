// What is said of tasks and jobs: causes, counts, times.
import type { Schemas } from "../api/client";
import { count } from "../ui/format";

type Row = Schemas["TaskRow"];

const CAUSES: Record<string, string> = {
  exit: "its program returned an error",
  timeout: "it took longer than its timeout",
  lost: "the workers that had it were lost",
  queue: "no worker took it within its queue timeout",
};

export function cause(of: { failureCause?: string | null; exitCode?: number | null }): string {
  if (of.failureCause === "exit" && of.exitCode != null) return `exit code ${of.exitCode}`;
  return CAUSES[of.failureCause ?? ""] ?? "";
}

/** `JOB_STATE_TASKS_COMPLETED` is "Tasks completed". */
export function phaseWords(phase: string): string {
  const text = phase.replace("JOB_STATE_", "").replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `encode`, `#7 of encode`: how a child is called. */
export function taskName(of: { name?: string | null; childIndex?: number | null }): string {
  return of.name || (of.childIndex == null ? "(no name)" : `#${of.childIndex}`);
}

/** `3 of 10,000 ended, 1 failed, 8 running`. */
export function childrenText(of: Schemas["ChildCounts"]): string {
  const parts = [`${count(of.completions)} of ${count(of.size)} ended`];
  if (of.failures) parts.push(`${count(of.failures)} failed`);
  if (of.running) parts.push(`${count(of.running)} running`);
  if (of.waiting) parts.push(`${count(of.waiting)} waiting`);
  return parts.join(", ");
}

/** `3 of 10, 1 failed`: the same of chunks. */
export function chunksText(of: Schemas["ChildCounts"]): string {
  const ended = `${count(of.completions)} of ${count(of.size)}`;
  return of.failures ? `${ended}, ${count(of.failures)} failed` : ended;
}

/** What attempts have held of workers: `2.5 CPU s, 5 GiB s, 0.02 BYC`. */
export function usedText(usage: Schemas["UsageView"]): string {
  const amounts = [
    ["CPU s", usage.cpuSeconds],
    ["GiB s", usage.memoryGibSeconds],
    ["GPU s", usage.gpuSeconds],
  ] as const;
  const parts = amounts.filter(([, n]) => n).map(([unit, n = 0]) => `${amount(n)} ${unit}`);
  if (usage.amount !== undefined) parts.push(`${usage.amount} ${usage.unit ?? ""}`.trimEnd());
  return parts.join(", ");
}

/** Whether a job was made by its last submission, or answered it. */
export function reuseText(reuse: Schemas["JobReuse"]): string {
  const reused = reuse.submissions.filter((one) => one.reused).length;
  const said = reused
    ? `answered ${reused} more ${reused === 1 ? "submission" : "submissions"}`
    : "";
  const text = said || "no job had done the same work";
  return reuse.bannedAt ? `${text}; banned from reuse` : text;
}

/** Of what is large the parts don't matter. */
const amount = (n: number): string =>
  n < 100 ? String(Number(n.toPrecision(3))) : count(Math.round(n));

const STAGES = ["partition", "app", "assemble", "deliver"];

/** Whether the tasks of a job's own list are the stages of partitioned work. */
export function isStaged(rows: readonly Row[]): boolean {
  const isEach = rows[1]?.kind === "each";
  return (
    isEach && rows.length <= STAGES.length && rows.every(({ name }, at) => name === STAGES[at])
  );
}

/** When the attempt ended, if it did. */
export function endOf(row: Pick<Row, "completedAt" | "failedAt">): string | undefined {
  return row.completedAt ?? row.failedAt ?? undefined;
}

/** From when to when it was in its queue; no end: it still is. */
export function waitOf(row: Row): { from: string; to?: string } | undefined {
  const from = row.scheduledAt;
  if (!from || row.kind !== "task") return undefined;
  if (row.startedAt) return { from, to: row.startedAt };
  return row.state === "SCHEDULED" ? { from } : undefined;
}

/** From when to when it ran; no end: it still does. */
export function runOf(row: Row): { from: string; to?: string } | undefined {
  const from = row.startedAt;
  if (!from) return undefined;
  const to = endOf(row);
  if (to) return { from, to };
  return row.state === "RUNNING" ? { from } : undefined;
}

/** States in the order in which people look for them. */
export const STATES = [
  "FAILED",
  "RUNNING",
  "SCHEDULED",
  "PENDING",
  "CREATED",
  "COMPLETED",
  "CANCELLED",
  "SKIPPED",
  "STOPPED",
] as const;

/** The states of a filter with one more, or without it. */
export function toggled(states: string, state: string): string {
  const given = states.split(",").filter(Boolean);
  const rest = given.filter((one) => one !== state);
  return (rest.length < given.length ? rest : [...given, state]).join(",");
}
