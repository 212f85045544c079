import { expect, test } from "vitest";
import { graphOf, hasBranches, neighbours } from "./graph-model";
import { nextNode } from "./graph-walk";
import type { Submitted } from "./model";

const task = (name: string, needs?: string[]): Submitted => ({ name, kind: "task", needs });
const parallel = (name: string, ...tasks: Submitted[]): Submitted => ({
  name,
  kind: "parallel",
  tasks,
});
const edges = (tasks: Submitted[], folds = new Map<string, boolean>()) => {
  const graph = graphOf(tasks, [], folds);
  const nameOf = (key: string) => graph.nodes.find((node) => node.key === key)?.name;
  return graph.edges.map(({ from, to }) => `${nameOf(from)}>${nameOf(to)}`);
};

test("a plain list of tasks has no branches", () => {
  expect(hasBranches([task("a"), task("b")])).toBe(false);
  expect(hasBranches([task("a"), task("b", ["a"])])).toBe(true);
  expect(hasBranches([parallel("p", task("a"))])).toBe(true);
});

test("tasks of a list follow each other, and go through what is parallel", () => {
  const tasks = [task("a"), parallel("p", task("x"), task("y")), task("b")];
  expect(edges(tasks).sort()).toEqual(["a>p", "p>x", "p>y", "x>b", "y>b"]);
});

test("tasks with needs follow what they need", () => {
  const tasks = [task("a", []), task("b", []), task("c", ["a", "b"]), task("d", ["a"])];
  expect(edges(tasks).sort()).toEqual(["a>c", "a>d", "b>c"]);
});

test("in a graph, a task without needs follows all before it", () => {
  const tasks = [task("a"), task("b"), task("c", []), task("d", ["a"]), task("e")];
  expect(edges(tasks).sort()).toEqual(["a>b", "a>d", "b>e", "c>e", "d>e"]);
});

test("tasks that all begin at once are a graph without edges", () => {
  const tasks = [task("a", []), task("b", [])];
  expect(hasBranches(tasks)).toBe(true);
  expect(edges(tasks)).toEqual([]);
});

test("a large fan is one node until it is opened", () => {
  const many = Array.from({ length: 20 }, (_, n) => task(`t${n}`));
  const tasks = [parallel("p", ...many), task("b")];
  expect(edges(tasks)).toEqual(["p>b"]);
  expect(edges(tasks, new Map([["1", true]]))).toHaveLength(40);
});

test("keys follow the edges, and go to what is beside", () => {
  const graph = graphOf([task("a"), task("b", ["a"]), task("c", ["a"])], [], new Map());
  const places = new Map([
    ["1", { x: 0, y: 50 }],
    ["2", { x: 300, y: 0 }],
    ["3", { x: 300, y: 100 }],
  ]);
  expect(neighbours(graph).get("1")?.after).toEqual(["2", "3"]);
  expect(nextNode("ArrowRight", "1", graph, places)).toBe("2");
  expect(nextNode("ArrowDown", "2", graph, places)).toBe("3");
  expect(nextNode("ArrowLeft", "3", graph, places)).toBe("1");
  expect(nextNode("ArrowUp", "2", graph, places)).toBeUndefined();
});
