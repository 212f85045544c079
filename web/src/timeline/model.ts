// A job's attempts as a tree of tasks with times.
import type { Schemas } from "../api/client";

export type TimelineData = Schemas["Timeline"];
export type Attempt = Schemas["TimelineAttempt"];
export type Submitted = Schemas["SubmittedTask"];
export type Kind = Attempt["kind"];

/** One attempt; times in ms since 1970. Without `ended` it goes on. */
export interface Bar {
  attempt: Attempt;
  created: number;
  scheduled: number | undefined;
  started: number | undefined;
  ended: number | undefined;
}

/** One task with all attempts at it. */
export interface TaskNode {
  key: string;
  jobId: string;
  name: string;
  kind: Kind;
  /** Of the last attempt; none when nothing has begun. */
  state: string | undefined;
  bars: Bar[];
  children: TaskNode[];
  /** Its siblings are as it is: its index tells it from them. */
  isItem?: boolean;
}

const FINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "STOPPED", "SKIPPED"]);
const COMPOSITE = new Set<Kind>(["parallel", "each", "spawn", "placed", "subjob"]);

/** Their children differ in nothing but their index. */
const OF_ALIKE = new Set<Kind>(["each", "spawn", "placed"]);

export const isOver = (bar: Bar): boolean => FINAL.has(bar.attempt.state);
export const isComposite = (node: TaskNode): boolean => COMPOSITE.has(node.kind);
export const lastBar = (node: TaskNode): Bar | undefined => node.bars[node.bars.length - 1];
export const subjobOf = (node: TaskNode): string | undefined => lastBar(node)?.attempt.subjobId;

const ms = (text: string | undefined) => (text ? Date.parse(text) : undefined);

/** `jobEnd`: what was cancelled has no end of its own. */
export function barOf(attempt: Attempt, jobEnd: number | undefined): Bar {
  const created = Date.parse(attempt.createdAt);
  const scheduled = ms(attempt.scheduledAt);
  const started = ms(attempt.startedAt);
  let ended = ms(attempt.endedAt);
  if (ended === undefined && FINAL.has(attempt.state)) {
    const last = attempt.timings?.at(-1);
    const told = started && last ? started + last.startedMs + last.durationMs : undefined;
    ended = told ?? jobEnd ?? started ?? scheduled ?? created;
  }
  if (ended !== undefined) ended = Math.max(ended, started ?? scheduled ?? created);
  return { attempt, created, scheduled, started, ended };
}

/** The tasks of a job's own list, in order, with their children. */
export function treeOf(data: TimelineData, jobId: string): TaskNode[] {
  const jobEnd = ms(data.endedAt);
  const byId = new Map(data.attempts.map((attempt) => [attempt.id, attempt]));
  const nodes = new Map<string, TaskNode>();
  const nodeOf = new Map<string, TaskNode>();
  const top: TaskNode[] = data.tasks.map((task, index) => {
    const node = emptyNode(`${jobId}:${index + 1}`, jobId, task.name ?? "", task.kind);
    nodes.set(node.key, node);
    return node;
  });
  const place = (attempt: Attempt): TaskNode => {
    const known = nodeOf.get(attempt.id);
    if (known) return known;
    const above = attempt.parentId ? byId.get(attempt.parentId) : undefined;
    const parent = above && place(above);
    const key = parent ? `${parent.key}/${attempt.childIndex}` : `${jobId}:${attempt.position}`;
    let node = nodes.get(key);
    if (!node) {
      node = emptyNode(key, jobId, "", attempt.kind);
      nodes.set(key, node);
      node.isItem = parent !== undefined && OF_ALIKE.has(parent.kind);
      (parent?.children ?? top).push(node);
    }
    nodeOf.set(attempt.id, node);
    node.bars.push(barOf(attempt, jobEnd));
    return node;
  };
  for (const attempt of data.attempts) place(attempt);
  for (const node of nodes.values()) settle(node);
  return top;
}

function emptyNode(key: string, jobId: string, name: string, kind: Kind): TaskNode {
  return { key, jobId, name, kind, state: undefined, bars: [], children: [] };
}

/** Attempts and children in order, and what the last attempt says. */
function settle(node: TaskNode): void {
  node.bars.sort(
    (a, b) => a.created - b.created || (a.attempt.attempt ?? 0) - (b.attempt.attempt ?? 0),
  );
  node.children.sort((a, b) => indexOf(a) - indexOf(b));
  const last = lastBar(node);
  if (!last) return;
  node.state = last.attempt.state;
  node.kind = last.attempt.kind;
  node.name = last.attempt.name || node.name;
}

const indexOf = (node: TaskNode) => lastBar(node)?.attempt.childIndex ?? 0;

/** All attempts in it that workers run. */
export function leafBars(node: TaskNode): Bar[] {
  if (!isComposite(node)) return node.bars;
  const bars: Bar[] = [];
  const add = (child: TaskNode) => {
    if (isComposite(child)) child.children.forEach(add);
    else bars.push(...child.bars);
  };
  node.children.forEach(add);
  return bars;
}

/** From its first moment to its last, `now` where it goes on. */
export function spanOf(bars: readonly Bar[], now: number): [number, number] | undefined {
  if (bars.length === 0) return undefined;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const bar of bars) {
    from = Math.min(from, bar.scheduled ?? bar.started ?? bar.created);
    to = Math.max(to, bar.ended ?? now);
  }
  return [Math.min(from, to), to];
}

/** How long its last attempt has run, in ms. */
export function ranFor(node: TaskNode, now: number): number {
  const bar = lastBar(node);
  return bar?.started === undefined ? 0 : Math.max((bar.ended ?? now) - bar.started, 0);
}
