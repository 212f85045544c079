// A job as a graph: a node for each task, an edge to each task that follows.
import { isComposite, lastBar, type Submitted, type TaskNode } from "./model";

export interface AnyNode {
  key: string;
  name: string;
}

export interface AnyGraph<N extends AnyNode> {
  nodes: N[];
  edges: GraphEdge[];
}

export interface GraphNode extends AnyNode {
  kind: Submitted["kind"];
  /** As it ran; none when it has not begun. */
  task: TaskNode | undefined;
  /** How many children are or can be shown as nodes of their own. */
  childCount: number;
  isOpen: boolean;
}

export interface GraphEdge {
  from: string;
  to: string;
}

export type JobGraph = AnyGraph<GraphNode>;

const FEW = 8;
/** How large a node is drawn, in px. */
export const NODE = { width: 200, height: 56 };

/** Of a plain list of tasks a graph tells nothing. */
export const hasBranches = (tasks: readonly Submitted[]): boolean =>
  tasks.some((task) => task.kind !== "task" || task.needs !== undefined);

/** `folds` are the tasks that somebody has opened or closed. */
export function graphOf(
  tasks: readonly Submitted[],
  tree: readonly TaskNode[],
  folds: ReadonlyMap<string, boolean>,
): JobGraph {
  const graph: JobGraph = { nodes: [], edges: [] };
  const isGraph = tasks.some((task) => task.needs !== undefined);
  const ends = new Map<string, string[]>();
  let before: string[] = [];
  tasks.forEach((task, index) => {
    const own = addTask(graph, task, tree[index], `${index + 1}`, folds);
    if (!isGraph) connect(graph, before, [own.entry]);
    before = own.exits;
    ends.set(task.name ?? "", own.exits);
  });
  if (isGraph)
    allNeeds(tasks).forEach((needs, index) => {
      for (const need of needs) connect(graph, ends.get(need) ?? [], [`${index + 1}`]);
    });
  return graph;
}

/** What each task waits for; without `needs`, all before it: those that no other waits for yet. */
function allNeeds(tasks: readonly Submitted[]): readonly string[][] {
  const last = new Set<string>();
  return tasks.map((task) => {
    const needs = task.needs ?? [...last];
    for (const need of needs) last.delete(need);
    last.add(task.name ?? "");
    return needs;
  });
}

interface Ends {
  entry: string;
  exits: string[];
}

function addTask(
  graph: JobGraph,
  task: Submitted,
  ran: TaskNode | undefined,
  key: string,
  folds: ReadonlyMap<string, boolean>,
): Ends {
  const children = task.kind === "parallel" ? (task.tasks ?? []) : [];
  const isOpen = children.length > 0 && (folds.get(key) ?? children.length <= FEW);
  const name = ran?.name || task.name || "(no name)";
  graph.nodes.push({ key, name, kind: task.kind, task: ran, childCount: children.length, isOpen });
  if (!isOpen) return { entry: key, exits: [key] };
  const byIndex = new Map(
    ran?.children.map((child) => [lastBar(child)?.attempt.childIndex, child]),
  );
  const exits = children.flatMap((child, index) => {
    const own = addTask(graph, child, byIndex.get(index), `${key}/${index}`, folds);
    connect(graph, [key], [own.entry]);
    return own.exits;
  });
  return { entry: key, exits };
}

function connect(graph: JobGraph, from: readonly string[], to: readonly string[]): void {
  for (const a of from) for (const b of to) graph.edges.push({ from: a, to: b });
}

/** The counts of a node that stands for many. */
export function countsOf(
  node: GraphNode,
): { size: number; ended: number; failed: number } | undefined {
  const counts = node.task && isComposite(node.task) && lastBar(node.task)?.attempt.children;
  return counts
    ? { size: counts.size, ended: counts.completions, failed: counts.failures ?? 0 }
    : undefined;
}

export interface Neighbours {
  before: string[];
  after: string[];
}

export function neighbours(graph: AnyGraph<AnyNode>): Map<string, Neighbours> {
  const found = new Map<string, Neighbours>(
    graph.nodes.map(({ key }) => [key, { before: [], after: [] }]),
  );
  for (const { from, to } of graph.edges) {
    found.get(from)?.after.push(to);
    found.get(to)?.before.push(from);
  }
  return found;
}
