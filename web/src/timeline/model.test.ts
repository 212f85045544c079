import { expect, test } from "vitest";
import { type Attempt, leafBars, spanOf, type TimelineData, treeOf } from "./model";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function attempt(id: string, more: Partial<Attempt> = {}): Attempt {
  return { id, name: id, state: "COMPLETED", kind: "task", position: 1, createdAt: at(0), ...more };
}

function data(attempts: Attempt[], more: Partial<TimelineData> = {}): TimelineData {
  const head = { state: "RUNNING", createdAt: at(0), now: at(60), isComplete: true };
  return { ...head, tasks: [], attempts, ...more };
}

test("attempts at the same task are one node, in order", () => {
  const [node] = treeOf(
    data([
      attempt("second", { attempt: 1, createdAt: at(5), state: "RUNNING" }),
      attempt("first", { state: "FAILED", endedAt: at(5) }),
    ]),
    "j",
  );
  expect(node?.bars.map((bar) => bar.attempt.id)).toEqual(["first", "second"]);
  expect(node?.state).toBe("RUNNING");
});

test("children are below their parent by index, whatever order they come in", () => {
  const [node] = treeOf(
    data([
      attempt("b", { parentId: "all", childIndex: 1 }),
      attempt("a", { parentId: "all", childIndex: 0 }),
      attempt("all", { kind: "parallel" }),
    ]),
    "j",
  );
  expect(node?.children.map((child) => child.name)).toEqual(["a", "b"]);
});

test("a child that is tried again by a restarted parent stays the same row", () => {
  const tree = treeOf(
    data([
      attempt("all", { kind: "each", state: "FAILED" }),
      attempt("again", { kind: "each", attempt: 1, createdAt: at(9) }),
      attempt("x", { parentId: "all", childIndex: 0, state: "FAILED" }),
      attempt("y", { parentId: "again", childIndex: 0, createdAt: at(9) }),
    ]),
    "j",
  );
  expect(tree[0]?.children.map((child) => child.bars.length)).toEqual([2]);
});

test("a task that has not begun has its row and no bar", () => {
  const tasks = [
    { name: "a", kind: "task" as const },
    { name: "b", kind: "task" as const },
  ];
  const tree = treeOf(data([attempt("a")], { tasks }), "j");
  expect(tree.map((node) => [node.name, node.bars.length])).toEqual([
    ["a", 1],
    ["b", 0],
  ]);
});

test("what was cancelled ends with its last phase, or with its job", () => {
  const timings = [{ phase: "run" as const, startedMs: 100, durationMs: 1900 }];
  const tree = treeOf(
    data(
      [
        attempt("told", { state: "CANCELLED", startedAt: at(2), timings }),
        attempt("untold", { state: "CANCELLED", position: 2, startedAt: at(2) }),
      ],
      { endedAt: at(9) },
    ),
    "j",
  );
  const ends = tree.map((node) => node.bars[0]?.ended);
  expect(ends).toEqual([Date.parse(at(4)), Date.parse(at(9))]);
});

test("what goes on ends now", () => {
  const [node] = treeOf(data([attempt("a", { state: "RUNNING", startedAt: at(1) })]), "j");
  expect(spanOf(node?.bars ?? [], Date.parse(at(60)))?.[1]).toBe(Date.parse(at(60)));
});

test("the leaves of a task are what workers run of it", () => {
  const [node] = treeOf(
    data([
      attempt("all", { kind: "each" }),
      attempt("group", { kind: "parallel", parentId: "all", childIndex: 0 }),
      attempt("a", { parentId: "group", childIndex: 0 }),
      attempt("b", { parentId: "all", childIndex: 1 }),
    ]),
    "j",
  );
  expect(node && leafBars(node).map((bar) => bar.attempt.id)).toEqual(["a", "b"]);
});
