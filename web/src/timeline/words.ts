// What a row of the timeline says in words, for those who read it and for details.
import { count, counted, duration } from "../ui/format";
import { shownState } from "../ui/state";
import { type Bar, isComposite, lastBar, spanOf, type TaskNode } from "./model";
import type { Row } from "./rows";
import { segmentsOf, totals, WORDS } from "./segments";

const KINDS: Partial<Record<TaskNode["kind"], string>> = {
  parallel: "parallel tasks",
  each: "a task for each item",
  placed: "executions on nodes",
  subjob: "sub-job",
  execution: "execution",
};

export const kindWord = (node: TaskNode): string => KINDS[node.kind] ?? "task";

export const stateWord = (state: string | undefined): string =>
  state === undefined ? "Not started" : shownState(state).word;

/** A row as a sentence. */
export function rowText(row: Row, now: number, peak: number): string {
  const { node, bar } = row;
  if (bar) return `${stateWord(bar.attempt.state)}: ${partsText(bar, now)}`;
  const last = lastBar(node);
  if (!last) return "Not started";
  if (isComposite(node)) return `${stateWord(node.state)}: ${groupText(node, now, peak)}`;
  const attempts = node.bars.length > 1 ? `, attempt ${node.bars.length}` : "";
  return `${stateWord(node.state)}${attempts}: ${partsText(last, now)}`;
}

function partsText(bar: Bar, now: number): string {
  const parts = totals(segmentsOf(bar, now)).filter(([, ms]) => ms >= 1);
  return (
    parts.map(([part, ms]) => `${WORDS[part].toLowerCase()} ${duration(ms)}`).join(", ") ||
    "took no time"
  );
}

export function groupText(node: TaskNode, now: number, peak: number): string {
  const counts = lastBar(node)?.attempt.children;
  const span = spanOf(node.bars, now);
  const words = [kindWord(node)];
  if (counts) {
    words.push(
      `${count(counts.completions)} of ${counted(counts.size, "child", "children")} ended`,
    );
    if (counts.failures) words.push(`${count(counts.failures)} failed`);
  }
  if (peak > 1) words.push(`at most ${count(peak)} at once`);
  if (span) words.push(`took ${duration(span[1] - span[0])}`);
  return words.join(", ");
}
