// Lines of logs: colours, progress bars, what is found in them, and which are in memory.
import { describe, expect, it, vi } from "vitest";
import { spansOf, textOf } from "./ansi";
import { contrast, cssOf, readable } from "./colours";
import { type Line, LogLines } from "./lines";
import { firstFrom, isQuick, marked, markedIn, pattern } from "./search";

describe("a line of a terminal", () => {
  it("is plain text where nothing else is in it", () => {
    expect(spansOf("hello")).toEqual([{ text: "hello", style: {} }]);
    expect(spansOf("")).toEqual([]);
  });

  it("has the 16, the 256 and all other colours", () => {
    const [red, cube, rgb, plain] = spansOf("\x1b[1;31ma\x1b[0;38;5;196mb\x1b[48;2;1;2;3mc\x1b[md");
    expect(red?.style).toEqual({ bold: true, fg: [205, 49, 49] });
    expect(cube?.style).toEqual({ fg: [255, 0, 0] });
    expect(rgb?.style.bg).toEqual([1, 2, 3]);
    expect(plain?.style).toEqual({});
  });

  it("takes back what was set", () => {
    const [, plain] = spansOf("\x1b[1;4;7;91ma\x1b[22;24;27;39mb");
    expect(plain).toEqual({ text: "b", style: {} });
  });

  it("drops titles, links and movements", () => {
    expect(textOf(spansOf("\x1b]0;title\x07a\x1b[2Kb\x1b]8;;http://x\x1b\\c\x1b[10Cd"))).toBe(
      "abcd",
    );
  });

  it("shows the newest state of a progress bar", () => {
    expect(textOf(spansOf("10 %\r50 %\r100 %\r"))).toBe("100 %");
  });

  it("shows control characters and those that turn text around", () => {
    const spans = spansOf("a\0b\u202ec");
    expect(textOf(spans)).toBe("a^@b⟨U+202E⟩c");
    expect(spans[3]?.control).toBe("U+202E");
  });
});

describe("a colour", () => {
  it("can be read in both themes", () => {
    for (const ground of [[255, 255, 255] as const, [18, 19, 22] as const])
      for (const colour of [[255, 255, 0] as const, [0, 0, 90] as const, [128, 128, 128] as const])
        expect(contrast(readable(colour, ground), ground)).toBeGreaterThanOrEqual(4.5);
  });

  it("is text on its own ground where there is one", () => {
    expect(cssOf({ bg: [255, 255, 0] })).toEqual({
      backgroundColor: "rgb(255 255 0)",
      color: "rgb(0 0 0)",
    });
  });
});

describe("a search", () => {
  it("marks what it finds across colours", () => {
    const spans = spansOf("an err\x1b[31mor here");
    const found = pattern({ text: "ERROR", isRegex: false, mindsCase: false });
    expect(marked(spans, found as RegExp).map(({ text, isMatch }) => [text, isMatch])).toEqual([
      ["an ", false],
      ["err", true],
      ["or", true],
      [" here", false],
    ]);
  });

  it("takes text as it is unless it is a pattern", () => {
    expect(pattern({ text: "a.c", isRegex: false, mindsCase: true })?.test("abc")).toBe(false);
    expect(pattern({ text: "a.c", isRegex: true, mindsCase: true })?.test("abc")).toBe(true);
    expect(pattern({ text: "(", isRegex: true, mindsCase: true })).toBeUndefined();
  });

  it("leaves to the server what would keep the browser busy for ever", () => {
    const search = (text: string) => ({ text, isRegex: true, mindsCase: true });
    for (const text of [
      "(a+)+b",
      "(\\w+ ?)+:",
      "((ab*)c)*",
      "(a|aa)+$",
      "(a*)\\1x",
      "(?:x(y{2,})z){3}",
    ])
      expect(isQuick(search(text), "aaa"), text).toBe(false);
    for (const text of ["a+b", ".*error.*", "(ab)+", "[(+]+x", "(?:GET|PUT) /\\w+", "\\(a+\\)+"])
      expect(isQuick(search(text), "aaa"), text).toBe(true);
    expect(isQuick(search("a+b"), "a".repeat(2000))).toBe(false);
    const line = `${"a".repeat(80)} x`;
    const whole = markedIn(search("(a+)+b"), /(a+)+b/g, line);
    expect(marked(spansOf(line), whole)).toMatchObject([{ text: line, isMatch: true }]);
  });

  it("begins at the line that is looked at", () => {
    expect(firstFrom([3, 7, 9], 5)).toBe(1);
    expect(firstFrom([3, 7, 9], 10)).toBe(0);
  });
});

const line = (number: number): Line => ({
  number,
  taskId: "t",
  taskLine: number,
  text: `line ${number}`,
  createdAt: "2026-01-01T00:00:00Z",
});

function logOf(total: number) {
  const asked: [number, number][] = [];
  const failure: { current: Error | undefined } = { current: undefined };
  const redraw = { current: (): void => undefined };
  const log = new LogLines(
    async (first, size) => {
      asked.push([first, size]);
      if (failure.current) throw failure.current;
      const from = first < 0 ? Math.max(total + first + 1, 1) : first;
      const count = Math.max(Math.min(size, total - from + 1), 0);
      return {
        first: from,
        items: Array.from({ length: count }, (_, n) => line(from + n)),
        totalLines: total,
        totalBytes: 0,
        totalParts: 1,
        cursor: "1-0",
        complete: false,
        trimmed: false,
      };
    },
    () => redraw.current(),
  );
  return { log, asked, failure, redraw };
}

describe("the lines in memory", () => {
  it("are those that were asked for", async () => {
    const { log, asked } = logOf(500_000);
    await log.reload();
    expect(log.line(500_000)?.text).toBe("line 500000");
    log.want(1000, 1010);
    await Promise.resolve();
    await new Promise((done) => setTimeout(done));
    expect(asked).toEqual([
      [-200, 200],
      [801, 200],
      [1001, 200],
    ]);
    expect(log.line(1001)?.text).toBe("line 1001");
    expect(log.line(2000)).toBeUndefined();
  });

  it("are not read where one only scrolls past", async () => {
    vi.useFakeTimers();
    const { log, asked } = logOf(500_000);
    await log.reload();
    for (let first = 1000; first < 101_000; first += 1000) {
      log.want(first, first + 10);
      log.want(first, first + 10); // drawn anew for another reason
      await vi.advanceTimersByTimeAsync(16);
    }
    await vi.advanceTimersByTimeAsync(100);
    vi.useRealTimers();
    expect(asked.slice(1)).toEqual([
      [801, 200],
      [1001, 200],
      [99_801, 200],
      [100_001, 200],
    ]);
  });

  it("are asked for more and more seldom while they can't be read, and at once on request", async () => {
    vi.useFakeTimers();
    const { log, asked, failure, redraw } = logOf(500_000);
    await log.reload();
    redraw.current = () => log.want(1000, 1010); // as the page does with each change
    asked.length = 0;
    failure.current = new Error("500");
    redraw.current();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.length).toBe(8); // two pages after 0, 1, 3 and 7 s
    expect(log.error).toBe(failure.current);
    expect(log.pauseMs).toBe(8000);
    failure.current = undefined;
    log.retry();
    await vi.advanceTimersByTimeAsync(100);
    expect(log.line(1001)?.text).toBe("line 1001");
    expect(log.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(100_000);
    vi.useRealTimers();
    expect(asked.length).toBe(10);
  });

  it("are followed once their end can be read", async () => {
    vi.useFakeTimers();
    const { log, failure } = logOf(3);
    const followed = vi.fn();
    log.onRead = followed;
    failure.current = new Error("503");
    await log.reload();
    expect(followed).not.toHaveBeenCalled();
    failure.current = undefined;
    await vi.advanceTimersByTimeAsync(1000);
    vi.useRealTimers();
    expect(followed).toHaveBeenCalledOnce();
    expect(log.line(3)?.text).toBe("line 3");
  });

  it("grow by what events bring", async () => {
    const { log } = logOf(1);
    await log.reload();
    const part = { taskId: "t", number: 2, createdAt: "2026-01-01T00:00:01Z" };
    expect(log.append({ ...part, contents: "two\nhal", stderr: [[2, 2]] })).toEqual([2, 3]);
    expect(log.append({ ...part, number: 3, contents: "f\nfour\n", continues: true })).toEqual([4]);
    expect([2, 3, 4].map((n) => log.line(n)?.text)).toEqual(["two", "half", "four"]);
    expect(log.line(3)?.stderr).toBe(true);
    expect(log.total).toBe(4);
  });
});
