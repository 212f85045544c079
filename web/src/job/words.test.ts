import { expect, test } from "vitest";
import { jobHref, tabOf } from "./address";
import { changedLines } from "./diff";
import { leafText, parsed, summaryOf } from "./json-tree";
import type { Row } from "./task-rows";
import {
  cause,
  childrenText,
  chunksText,
  isStaged,
  phaseWords,
  reuseText,
  runOf,
  taskName,
  toggled,
  usedText,
  waitOf,
} from "./words";

const row = (fields: Partial<Row>): Row => ({ kind: "task", position: 1, ...fields });

test("what was used of workers is said by its units, without what was not", () => {
  const usage = { runSeconds: 2.5, cpuSeconds: 2.5, memoryGibSeconds: 12345.678 };
  expect(usedText(usage)).toBe("2.5 CPU s, 12,346 GiB s");
  expect(usedText({ ...usage, gpuSeconds: 0.25, amount: "0.02", unit: "BYC" })).toBe(
    "2.5 CPU s, 12,346 GiB s, 0.25 GPU s, 0.02 BYC",
  );
  expect(usedText({ runSeconds: 0, cpuSeconds: 0, memoryGibSeconds: 0 })).toBe("");
});

test("a job says how many submissions it has answered", () => {
  const one = { createdAt: "2026-01-01T00:00:00Z", steps: [] };
  const made = { ...one, reused: false };
  expect(reuseText({ submissions: [made] })).toBe("no job had done the same work");
  const reused = { ...one, reused: true };
  expect(reuseText({ submissions: [reused, made] })).toBe("answered 1 more submission");
  expect(reuseText({ submissions: [reused, reused], bannedAt: one.createdAt })).toBe(
    "answered 2 more submissions; banned from reuse",
  );
});

test("a phase is said in words", () => {
  expect(phaseWords("JOB_STATE_TASKS_COMPLETED")).toBe("Tasks completed");
});

test("a cause is said in words, with the exit code where there is one", () => {
  expect(cause({ failureCause: "exit", exitCode: 3 })).toBe("exit code 3");
  expect(cause({ failureCause: "timeout" })).toContain("timeout");
  expect(cause({ failureCause: "other" })).toBe("");
});

test("a task without a name is called by its index", () => {
  expect(taskName({ name: "a", childIndex: 7 })).toBe("a");
  expect(taskName({ childIndex: 7 })).toBe("#7");
});

test("counts of children name only what there is", () => {
  expect(childrenText({ size: 10_000, completions: 3 })).toBe("3 of 10,000 ended");
  expect(childrenText({ size: 3, completions: 2, failures: 1, running: 1 })).toBe(
    "2 of 3 ended, 1 failed, 1 running",
  );
});

test("a task waits from its queue to its start, and runs from its start to its end", () => {
  const [at, later, end] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"];
  const done = row({ state: "COMPLETED", scheduledAt: at, startedAt: later, completedAt: end });
  expect(waitOf(done)).toEqual({ from: at, to: later });
  expect(runOf(done)).toEqual({ from: later, to: end });
  expect(waitOf(row({ state: "SCHEDULED", scheduledAt: at }))).toEqual({ from: at });
  expect(runOf(row({ state: "RUNNING", startedAt: at }))).toEqual({ from: at });
  expect(runOf(row({ state: "CANCELLED", startedAt: at }))).toBeUndefined();
  expect(waitOf(row({ kind: "each", state: "RUNNING", scheduledAt: at }))).toBeUndefined();
});

test("a state is added to a filter and taken from it", () => {
  expect(toggled("", "FAILED")).toBe("FAILED");
  expect(toggled("FAILED", "RUNNING")).toBe("FAILED,RUNNING");
  expect(toggled("FAILED,RUNNING", "FAILED")).toBe("RUNNING");
});

test("an address holds what is set, and an unknown tab is the first", () => {
  expect(jobHref("a b", { tab: "log", state: undefined })).toBe("/ui/jobs/a%20b?tab=log");
  expect(jobHref("a")).toBe("/ui/jobs/a");
  expect(tabOf({ tab: "nonsense" })).toBe("tasks");
});

test("a text of JSON becomes a tree, any other stays as it is", () => {
  expect(parsed('{"a": [1]}')).toEqual({ a: [1] });
  expect(parsed("[not json")).toBe("[not json");
  expect(parsed("12")).toBe("12");
  expect(leafText("two\nlines")).toBe("two\nlines");
  expect(leafText("")).toBe('""');
  expect(summaryOf([1, 2], 2)).toBe("[2]");
});

test("two texts differ by the lines that were added and removed", () => {
  const signs = (a: string, b: string) => changedLines(a, b).map((line) => line.sign + line.text);
  expect(signs("a\nb\nc", "a\nx\nc\nd")).toEqual([" a", "-b", "+x", " c", "+d"]);
  expect(signs("", "a")).toEqual(["+a"]);
  expect(signs("a", "a")).toEqual([" a"]);
  expect(signs("a\na", "a")).toEqual([" a", "-a"]);
});

const stage = (name: string, kind: "task" | "each" = "task") => ({ name, kind, position: 1 });

test("a job has phases if its tasks are the stages of partitioned work, in their order", () => {
  const stages = [stage("partition"), stage("app", "each"), stage("assemble")];
  expect(isStaged(stages)).toBe(true);
  expect(isStaged([...stages, stage("deliver")])).toBe(true);
  expect(isStaged([...stages, stage("report")])).toBe(false);
  expect(isStaged([stage("partition"), stage("app"), stage("assemble")])).toBe(false);
  expect(isStaged([])).toBe(false);
});

test("chunks are counted by how many have ended and failed", () => {
  expect(chunksText({ size: 12_000, completions: 11_000 })).toBe("11,000 of 12,000");
  expect(chunksText({ size: 10, completions: 3, failures: 1 })).toBe("3 of 10, 1 failed");
});
