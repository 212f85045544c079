import { describe, expect, it } from "vitest";
import { figure, isolated, linePath, perMinute, timeLabels } from "./plot";

describe("lines", () => {
  it("break at gaps, and a lone point is drawn", () => {
    expect(linePath([0, 2, null, 1], 30, 10, 2)).toBe("M0 10L0 10L10 0M30 5L30 5");
  });

  it("have points of their own where no line leads", () => {
    expect(isolated([1, null, 1, 1, null, 0])).toEqual([0, 5]);
    expect(isolated([])).toEqual([]);
  });
});

describe("figures", () => {
  it.each([
    [0, "0"],
    [0.004, "<0.01"],
    [0.25, "0.25"],
    [1.44, "1.4"],
    [99.96, "100"],
    [1234, "1,234"],
    [9999.7, "10k"],
    [123_456, "123k"],
    [1_200_000, "1.2M"],
  ])("%d is %s", (n, text) => expect(figure(n)).toBe(text));

  it("are rates only where something was counted", () => {
    expect(perMinute(5, 15)).toBe(20);
    expect(perMinute(5, 0)).toBeNull();
    expect(perMinute(undefined, 15)).toBeNull();
  });
});

it("the time axis tells the day where it begins", () => {
  const midnight = new Date(2026, 0, 31).getTime() / 1000;
  const [day, clock] = timeLabels([midnight, midnight + 3600]);
  expect(day).toMatch(/31/);
  expect(clock).toMatch(/1:00|01:00/);
});
