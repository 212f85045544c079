import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Settling } from "./settling";

describe("what is read while one scrolls", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is what comes in sight first, and where one stops", () => {
    const settling = new Settling();
    const read: number[] = [];
    for (let place = 0; place < 100; place++) {
      settling.run(() => read.push(place));
      vi.advanceTimersByTime(16);
    }
    vi.advanceTimersByTime(100);
    expect(read).toEqual([0, 99]);
  });

  it("is everything while one scrolls slowly", () => {
    const settling = new Settling();
    const read: number[] = [];
    for (let place = 0; place < 3; place++) {
      settling.run(() => read.push(place));
      vi.advanceTimersByTime(200);
    }
    expect(read).toEqual([0, 1, 2]);
  });

  it("is nothing once the page is gone", () => {
    const settling = new Settling();
    const read: number[] = [];
    settling.run(() => read.push(1));
    settling.run(() => read.push(2));
    settling.stop();
    vi.advanceTimersByTime(1000);
    expect(read).toEqual([1]);
  });
});
