import { expect, test } from "vitest";
import { type Attempt, barOf } from "./model";
import { segmentsOf, totals } from "./segments";

const at = (ms: number) => new Date(ms).toISOString();

function segments(more: Partial<Attempt>, now = 10_000) {
  const attempt: Attempt = {
    ...{ id: "a", state: "COMPLETED", kind: "task", position: 1, createdAt: at(0) },
    ...more,
  };
  return segmentsOf(barOf(attempt, undefined), now).map(({ part, from, to }) => [part, from, to]);
}

test("an attempt waits for its turn, is in its queue, then has its phases", () => {
  const timings = [
    { phase: "pull" as const, startedMs: -5, durationMs: 500 },
    { phase: "run" as const, startedMs: 600, durationMs: 1000 },
    { phase: "keep" as const, startedMs: 1600, durationMs: 200 },
  ];
  const times = { scheduledAt: at(100), startedAt: at(1000), endedAt: at(2900) };
  expect(segments({ ...times, timings })).toEqual([
    ["turn", 0, 100],
    ["queue", 100, 1000],
    ["pull", 1000, 1500],
    ["other", 1500, 1600],
    ["run", 1600, 2600],
    ["keep", 2600, 2800],
    ["other", 2800, 2900],
  ]);
});

test("a retry waits before it is queued", () => {
  const times = { scheduledAt: at(3000), startedAt: at(3010), endedAt: at(4000) };
  expect(segments({ ...times, attempt: 1 })[0]).toEqual(["retry", 0, 3000]);
});

test("an execution waits for a node before it is queued", () => {
  const times = { scheduledAt: at(100), startedAt: at(110), endedAt: at(120) };
  expect(segments({ ...times, kind: "execution" })[0]).toEqual(["node", 0, 100]);
});

test("what runs has no phases yet, and grows until now", () => {
  const running = { state: "RUNNING" as const, scheduledAt: at(0), startedAt: at(50) };
  expect(segments(running)).toEqual([
    ["queue", 0, 50],
    ["run", 50, 10_000],
  ]);
});

test("what has not got to its run is in the phase that its worker tells", () => {
  const running = { state: "RUNNING" as const, startedAt: at(0) };
  expect(segments({ ...running, phase: "fetch" })).toEqual([["fetch", 0, 10_000]]);
  expect(segments({ ...running, phase: "keep" })).toEqual([["run", 0, 10_000]]);
});

test("what waits in its queue grows until now", () => {
  expect(segments({ state: "SCHEDULED", scheduledAt: at(0) })).toEqual([["queue", 0, 10_000]]);
});

test("phases never go beyond the attempt, whatever a worker's clock says", () => {
  const timings = [{ phase: "run" as const, startedMs: 0, durationMs: 99_000 }];
  const times = { startedAt: at(0), endedAt: at(1000) };
  expect(segments({ ...times, timings })).toEqual([["run", 0, 1000]]);
});

test("parts of the same kind are added up", () => {
  const parts = [
    { part: "pull" as const, from: 0, to: 10 },
    { part: "pre" as const, from: 10, to: 15 },
    { part: "pull" as const, from: 15, to: 20 },
  ];
  expect(totals(parts)).toEqual([
    ["pull", 15],
    ["pre", 5],
  ]);
});
