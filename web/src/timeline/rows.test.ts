import { expect, test } from "vitest";
import { barOf, type Kind, type TaskNode } from "./model";
import { type Order, ordered, rowsOf } from "./rows";

function node(name: string, more: Partial<TaskNode> = {}, ran = 1): TaskNode {
  const times = { createdAt: at(0), startedAt: at(0), endedAt: at(ran) };
  const state = more.state === "FAILED" ? "FAILED" : "COMPLETED";
  const attempt = { id: name, state, kind: "task" as Kind, position: 1, ...times } as const;
  const bars = [barOf(attempt, undefined)];
  return { key: name, jobId: "j", name, kind: "task", state, bars, children: [], ...more };
}

const at = (ms: number) => new Date(ms).toISOString();
const group = (name: string, count: number): TaskNode =>
  node(name, {
    kind: "each",
    children: Array.from({ length: count }, (_, index) => node(`${name}${index}`)),
  });
const keys = (tree: TaskNode[], folds = new Map<string, boolean>(), order: Order = "auto") =>
  rowsOf(tree, folds, order, () => [node("of the sub-job")], 0).map((row) => row.key);

test("small groups are open, large ones are not", () => {
  expect(keys([group("a", 2), group("b", 100)])).toEqual(["a", "a0", "a1", "b"]);
});

test("what was folded or unfolded stays so", () => {
  expect(keys([group("a", 2)], new Map([["a", false]]))).toEqual(["a"]);
  expect(keys([group("b", 100)], new Map([["b", true]]))).toHaveLength(101);
});

test("a task that was tried again opens to its attempts", () => {
  const twice = node("a");
  twice.bars = [...twice.bars, ...node("again").bars];
  expect(keys([twice], new Map([["a", true]]))).toEqual(["a", "a", "again"]);
});

test("a sub-job opens to its tasks", () => {
  const subjob = node("s", { kind: "subjob" });
  for (const bar of subjob.bars) bar.attempt.subjobId = "other";
  expect(keys([subjob])).toEqual(["s"]);
  expect(keys([subjob], new Map([["s", true]]))).toEqual(["s", "of the sub-job"]);
});

test("of many children those that failed come first, then the slowest", () => {
  const many = Array.from({ length: 60 }, (_, n) => node(`n${n}`, {}, n));
  const failed = node("failed", { state: "FAILED" });
  const names = ordered([...many, failed], "auto", 0).map((each) => each.name);
  expect(names.slice(0, 3)).toEqual(["failed", "n59", "n58"]);
  expect(ordered([...many, failed], "slowest", 0)[0]?.name).toBe("n59");
  expect(ordered([...many, failed], "position", 0)[0]?.name).toBe("n0");
});
