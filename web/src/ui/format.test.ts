import { describe, expect, it } from "vitest";
import { bytes, counted, duration, relative } from "./format";

describe("figures are as people read them", () => {
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1250, "1.2 s"],
    [9999, "9.9 s"],
    [42_900, "42 s"],
    [124_000, "2m 4s"],
    [120_000, "2m"],
    [3_900_000, "1h 5m"],
    [266_400_000, "3d 2h"],
    [-5, "0 ms"],
  ])("%d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [0, "just now"],
    [-42_000, "42 s ago"],
    [-300_000, "5 min ago"],
    [10_800_000, "in 3 h"],
  ])("%d ms away is %s", (away, text) => expect(relative(1e12 + away, 1e12)).toBe(text));

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [999_600, "1.0 MB"],
    [12_345_678, "12 MB"],
  ])("%d bytes are %s", (n, text) => expect(bytes(n)).toBe(text));

  it("counts one and many", () => {
    expect(counted(1, "task")).toBe("1 task");
    expect(counted(12_408, "task")).toBe("12,408 tasks");
  });
});
