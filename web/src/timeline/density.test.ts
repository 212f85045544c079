import { expect, test } from "vitest";
import { crowdOf, densityOf } from "./density";
import { barOf } from "./model";

const at = (ms: number) => new Date(ms).toISOString();

function bar(from: number, to: number | undefined, state: "COMPLETED" | "FAILED" | "RUNNING") {
  const ended = to === undefined ? {} : { endedAt: at(to) };
  const times = { createdAt: at(0), startedAt: at(from), ...ended };
  return barOf({ id: "a", state, kind: "task", position: 1, ...times }, undefined);
}

const RANGE = { from: 0, to: 100 };

test("it counts what ran in each part of the range, and what failed", () => {
  const crowd = crowdOf([bar(0, 25, "COMPLETED"), bar(10, 45, "FAILED"), bar(50, 99, "COMPLETED")]);
  const { running, failed, most } = densityOf(crowd, RANGE, 10, 1000);
  expect([...running]).toEqual([1, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
  expect([...failed]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  expect(most).toBe(2);
  expect(crowd.peak).toBe(2);
});

test("what goes on ends now, and what is out of sight is not counted", () => {
  const crowd = crowdOf([bar(30, undefined, "RUNNING"), bar(200, 300, "COMPLETED")]);
  const { running } = densityOf(crowd, RANGE, 10, 50);
  expect([...running]).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0]);
});

test("what began before counts from the start of the range", () => {
  const crowd = crowdOf([bar(0, 1000, "COMPLETED")]);
  expect(densityOf(crowd, { from: 400, to: 500 }, 4, 2000).most).toBe(1);
});
