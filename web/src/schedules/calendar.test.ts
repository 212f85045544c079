import { expect, it } from "vitest";
import { calendarOf, dayName, dayNamed, dayStart } from "./calendar";

const at = (day: number, hour: number, minute = 0) =>
  new Date(2026, 10, day, hour, minute).toISOString();
const start = new Date(2026, 10, 29).getTime();

it("puts runs into days and hours of the user's zone", () => {
  const calendar = calendarOf(
    {
      since: at(29, 0),
      before: at(31, 0),
      hasMore: false,
      schedules: [
        {
          id: "a",
          name: "daily",
          hasMore: false,
          firings: [{ scheduledAt: at(29, 2, 30) }, { scheduledAt: at(30, 2, 30) }],
        },
        {
          id: "b",
          name: "jittered",
          hasMore: false,
          firings: [{ scheduledAt: at(29, 1, 59), at: at(29, 2, 5) }],
        },
        { id: "c", name: "each minute", hasMore: true, firings: [{ scheduledAt: at(29, 0) }] },
      ],
    },
    start,
    2,
  );
  expect(calendar.often).toEqual([{ id: "c", name: "each minute" }]);
  expect(calendar.days.map((day) => day.count)).toEqual([2, 1]);
  const [hour] = calendar.days[0]?.hours ?? [];
  expect(hour?.hour).toBe(2);
  expect(hour?.runs.map((run) => run.id)).toEqual(["b", "a"]);
});

it("knows days by name", () => {
  expect(dayName(start)).toBe("2026-11-29");
  expect(dayNamed("2026-11-29")).toBe(start);
  expect(dayNamed("2026-02-30")).toBeUndefined();
  expect(dayNamed("soon")).toBeUndefined();
  expect(dayName(dayStart(start, 2))).toBe("2026-12-01");
});
