import { describe, expect, it } from "vitest";
import { addressOf, EVERYTHING, parseFilters, searchOf, withState } from "./filters";
import { allows, belongs, between, changed, type Job, matches, merged, spanOf } from "./rows";

const job = (id: string, more: Partial<Job> = {}): Job => ({
  id,
  name: id,
  state: "RUNNING",
  createdAt: `2026-01-01T00:00:0${id}Z`,
  position: 1,
  taskCount: 1,
  ...more,
});

describe("the address of the list", () => {
  it("says what is searched for, and back", () => {
    const filters = parseFilters("q=a+b&state=failed,running&tag=x&order=oldest&other=1");
    expect(filters).toMatchObject({
      q: "a b",
      states: ["RUNNING", "FAILED"],
      tag: "x",
      order: "oldest",
    });
    expect(parseFilters(addressOf(filters).slice(2))).toEqual(filters);
    expect(searchOf(filters)).toEqual({ q: "a b", tag: "x", state: "RUNNING,FAILED" });
  });
  it("is short for everything, and takes no nonsense", () => {
    expect(addressOf(EVERYTHING)).toBe("/");
    expect(parseFilters("order=name&state=GONE")).toEqual(EVERYTHING);
  });
  it("takes a state in, and out", () => {
    const chosen = withState(EVERYTHING, "FAILED");
    expect(chosen.states).toEqual(["FAILED"]);
    expect(withState(chosen, "FAILED").states).toEqual([]);
  });
});

describe("an event", () => {
  const event = { jobId: "9", state: "FAILED", tags: ["x"], createdAt: "2026-01-01T00:00:09Z" };
  it("belongs to what is searched for, or only the server knows", () => {
    expect(matches(event, EVERYTHING)).toBe(true);
    expect(matches(event, { ...EVERYTHING, states: ["RUNNING"] })).toBe(false);
    expect(matches(event, { ...EVERYTHING, tag: "y,x" })).toBe(true);
    expect(matches(event, { ...EVERYTHING, by: "ann" })).toBe(false);
    expect(matches(event, { ...EVERYTHING, q: "words" })).toBeUndefined();
  });
  it("is among the rows unless it comes after what has been read", () => {
    const [early, late] = ["2026-01-01T00:00:04Z", "2026-01-01T00:00:06Z"];
    const down = { order: "newest" as const, rows: [job("8"), job("5")], next: "place" };
    expect(belongs({ ...event, createdAt: late }, down)).toBe(true);
    expect(belongs({ ...event, createdAt: early }, down)).toBe(false);
    expect(belongs({ ...event, createdAt: early }, { ...down, next: undefined })).toBe(true);
    expect(belongs({ ...event, taskId: "t" }, down)).toBe(false);
    const up = { order: "oldest" as const, rows: [job("3"), job("5")], next: "place" };
    expect(belongs({ ...event, createdAt: late }, up)).toBe(false);
    expect(belongs({ ...event, createdAt: early }, up)).toBe(true);
  });
  it("changes a row; what is no longer so goes", () => {
    const failed = job("1", { state: "FAILED", error: "x", failedAt: "2026-01-01T00:00:05Z" });
    const again = changed(failed, { jobId: "1", state: "RUNNING", progress: 5 });
    expect(again).toMatchObject({ id: "1", state: "RUNNING", progress: 5, error: undefined });
    expect(spanOf(again).to).toBeUndefined();
  });
  it("says when a job was cancelled", () => {
    const at = "2026-01-01T00:00:09Z";
    const cancelled = changed(job("1"), { jobId: "1", state: "CANCELLED", cancelledAt: at });
    expect(spanOf(cancelled).to).toBe(at);
    expect(spanOf(changed(cancelled, { jobId: "1", state: "RUNNING" })).to).toBeUndefined();
  });
});

it("merges new rows in order, each once", () => {
  const ids = (order: "newest" | "oldest") =>
    merged([job("3"), job("2")], [job("2"), job("1")], order).map((one) => one.id);
  expect(ids("newest")).toEqual(["3", "2", "1"]);
  expect(ids("oldest")).toEqual(["1", "2", "3"]);
});

it("allows what the state and the rights allow", () => {
  expect(allows(job("1"), "cancel")).toBe(true);
  expect(allows(job("1"), "delete")).toBe(false);
  expect(allows(job("1", { state: "FAILED" }), "restart")).toBe(true);
  expect(allows(job("1", { access: "view" }), "cancel")).toBe(false);
});

it("selects a range either way", () => {
  expect(between(["a", "b", "c"], "c", "b")).toEqual(["b", "c"]);
  expect(between(["a", "b"], "gone", "b")).toEqual(["b"]);
});
