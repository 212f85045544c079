// Which rows there are: tasks with their children or attempts below, where they are unfolded.
import { type Bar, isComposite, ranFor, subjobOf, type TaskNode } from "./model";

export interface Row {
  key: string;
  node: TaskNode;
  level: number;
  /** A row of one attempt, below its task. */
  bar?: Bar;
  isOpen?: boolean | undefined;
}

export type Order = "auto" | "position" | "failed" | "slowest";

const FEW = 12;
const MANY = 50;

/** Sub-jobs are loaded when they are opened. */
export type SubjobTree = (jobId: string) => readonly TaskNode[] | undefined;

export const canOpen = (node: TaskNode): boolean =>
  isComposite(node)
    ? node.children.length > 0 || subjobOf(node) !== undefined
    : node.bars.length > 1;

/** What nobody has folded or unfolded. */
const isOpenFirst = (node: TaskNode): boolean =>
  node.kind !== "subjob" && isComposite(node) && node.children.length <= FEW;

export function rowsOf(
  tree: readonly TaskNode[],
  folds: ReadonlyMap<string, boolean>,
  order: Order,
  subjob: SubjobTree,
  now: number,
): Row[] {
  const rows: Row[] = [];
  const add = (node: TaskNode, level: number) => {
    if (!canOpen(node)) {
      rows.push({ key: node.key, node, level });
      return;
    }
    const isOpen = folds.get(node.key) ?? isOpenFirst(node);
    rows.push({ key: node.key, node, level, isOpen });
    if (!isOpen) return;
    if (!isComposite(node))
      for (const bar of node.bars) rows.push({ key: bar.attempt.id, node, level: level + 1, bar });
    for (const child of childrenOf(node, order, subjob, now)) add(child, level + 1);
  };
  for (const node of tree) add(node, 1);
  return rows;
}

function childrenOf(
  node: TaskNode,
  order: Order,
  subjob: SubjobTree,
  now: number,
): readonly TaskNode[] {
  const id = node.kind === "subjob" ? subjobOf(node) : undefined;
  return id ? (subjob(id) ?? []) : ordered(node.children, order, now);
}

/** `auto`: of many, what failed first, then the slowest. */
export function ordered(
  nodes: readonly TaskNode[],
  order: Order,
  now: number,
): readonly TaskNode[] {
  if (order === "position" || (order === "auto" && nodes.length <= MANY)) return nodes;
  const failedFirst = order !== "slowest";
  const keyed = nodes.map((node) => ({
    node,
    isLater: failedFirst && node.state !== "FAILED" ? 1 : 0,
    ms: ranFor(node, now),
  }));
  keyed.sort((a, b) => a.isLater - b.isLater || b.ms - a.ms);
  return keyed.map(({ node }) => node);
}
