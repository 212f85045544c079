import { describe, expect, it } from "vitest";
import { cronInWords, lateInWords, lateMs, milliseconds, type Run, whenInWords } from "./words";

describe("a cron expression in words", () => {
  it.each([
    ["* * * * *", "Every minute"],
    ["*/5 * * * *", "Every 5 minutes"],
    ["0/15 * * * 1-5", "Every 15 minutes, Monday to Friday"],
    ["0 * * * *", "Every hour"],
    ["30 * * * *", "Every hour at minute 30"],
    ["0 */6 * * *", "Every 6 hours"],
    ["0 2 * * *", "Every day at 02:00"],
    ["30 9,17 * * *", "Every day at 09:30 and 17:30"],
    ["0 9 * * mon-fri", "Monday to Friday at 09:00"],
    ["0 9 * * 1,3,0", "Each Monday, Wednesday and Sunday at 09:00"],
    ["0 6 1 * *", "On day 1 of each month at 06:00"],
    ["0 0 L * *", "On the last day of each month at 00:00"],
    ["@daily", "Every day at 00:00"],
    ["@every 90s", "Every 90s"],
  ])("%s", (cron, words) => expect(cronInWords(cron)).toBe(words));

  it.each(["0 0 1 1 *", "1-5 * * * *", "0 9 * * 1#2", "0 9 1 * 1", "nonsense", "0 9-17 * * *"])(
    "%s stays as it is",
    (cron) => expect(cronInWords(cron)).toBe(cron),
  );
});

it("names the zone, intervals and single times", () => {
  expect(whenInWords({ cron: "0 2 * * *", timezone: "Europe/Berlin" })).toBe(
    "Every day at 02:00 (Europe/Berlin)",
  );
  expect(whenInWords({ cron: "0 2 * * *", timezone: "UTC" })).toBe("Every day at 02:00");
  expect(whenInWords({ crons: ["0 2 * * *", "@hourly"] })).toBe("Every day at 02:00; Every hour");
  expect(whenInWords({ interval: "90m" })).toBe("Every 90m");
  expect(whenInWords({ at: "2026-01-01T00:00:00Z" })).toBe("Once");
});

describe("lateness", () => {
  const run = (late: number, more: Partial<Run> = {}): Run => ({
    kind: "SCHEDULED",
    state: "FIRED",
    scheduledAt: "2026-01-01T00:00:00Z",
    at: new Date(Date.parse("2026-01-01T00:00:00Z") + late).toISOString(),
    ...more,
  });
  it("counts from the time that was due, jitter apart", () => {
    expect(lateInWords(lateMs(run(61_000)))).toBe("1m 1s late");
    expect(lateInWords(lateMs(run(61_000), 60_000))).toBe("on time");
    expect(lateInWords(lateMs(run(300)))).toBe("on time");
  });
  it("is told of runs that the clock has made only", () => {
    expect(lateInWords(lateMs(run(61_000, { kind: "BACKFILLED" })))).toBe("");
    expect(lateInWords(lateMs(run(61_000, { state: "SKIPPED" })))).toBe("");
  });
});

it("reads durations", () => {
  expect(milliseconds("1h30m")).toBe(5_400_000);
  expect(milliseconds("1.5s")).toBe(1500);
  expect(milliseconds(undefined)).toBe(0);
});
