import { expect, test } from "vitest";
import { fitted, moved, px, ticks, zoomed } from "./scale";

const HOUR = 3_600_000;
const NOON = new Date(2026, 5, 15, 12).getTime();

test("what is under the pointer stays there when zooming", () => {
  const range = { from: 1000, to: 2000 };
  const closer = zoomed(range, 0.5, 0.25);
  expect(px(1250, closer, 400)).toBeCloseTo(px(1250, range, 400));
  expect(closer.to - closer.from).toBe(500);
});

test("zooming ends at 10 ms", () => {
  const { from, to } = zoomed({ from: 0, to: 20 }, 0.001, 0.5);
  expect(to - from).toBe(10);
});

test("moving never loses all of what there is", () => {
  const bounds = { from: 0, to: 1000 };
  expect(moved({ from: 0, to: 100 }, -50, bounds)).toEqual({ from: -90, to: 10 });
  expect(moved({ from: 0, to: 100 }, 50, bounds)).toEqual({ from: 990, to: 1090 });
});

test("all is in sight with a little room, also of a moment", () => {
  const range = fitted(NOON, NOON);
  expect(range.from).toBeLessThan(NOON);
  expect(range.to).toBeGreaterThan(NOON);
});

test.each([
  [50, "12:00:00.010"],
  [8000, "12:00:02"],
  [HOUR, "12:10"],
  [12 * HOUR, "14:00"],
])("ticks of %i ms are at round times of the user's zone", (length, second) => {
  const found = ticks({ from: NOON, to: NOON + length }, 700);
  expect(found[1]?.label).toBe(second);
  expect(found.length).toBeLessThanOrEqual(10);
  expect(found.length).toBeGreaterThanOrEqual(3);
});

test("ticks of days are at midnight, and named by their date", () => {
  for (const { at, label } of ticks({ from: NOON, to: NOON + 10 * 24 * HOUR }, 900)) {
    expect(new Date(at).getHours()).toBe(0);
    expect(label).toMatch(/Jun/);
  }
});
