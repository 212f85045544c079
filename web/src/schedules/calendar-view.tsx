// What is to come, by day and hour: a week or a day. Many runs of an hour are a count.
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import {
  type Calendar,
  calendarOf,
  type Day,
  dayName,
  dayNamed,
  dayStart,
  type Hour,
} from "./calendar";

type Span = "day" | "week";

const REFRESH_MS = 60_000;
const DAYS: Record<Span, number> = { day: 1, week: 7 };
/** A schedule that has more times than these in what is shown is told of once. */
const EACH: Record<Span, number> = { day: 24, week: 28 };
const SHOWN_OF_HOUR: Record<Span, number> = { day: 12, week: 3 };

const TITLE = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const SHORT = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
});
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

const addressOf = (at: number, span: Span) =>
  `/ui/schedules?view=calendar&day=${dayName(at)}&span=${span}`;

export function CalendarView({ day, span }: { day: string; span: Span }) {
  const start = dayNamed(day) ?? dayStart(Date.now());
  const end = dayStart(start, DAYS[span]);
  const key = `${start} ${span}`;
  const loaded = useLoad(key, (signal) => {
    const since = new Date(Math.max(start, Date.now())).toISOString();
    const query = { since, before: new Date(end).toISOString(), each: EACH[span] };
    if (end <= Date.now()) return Promise.resolve(undefined); // there is nothing to come
    return data(api.GET("/scheduled-jobs/upcoming", { params: { query }, signal }));
  });
  useRefresh(loaded.reload, REFRESH_MS);
  const calendar = loaded.data && calendarOf(loaded.data, start, DAYS[span]);
  const isEmpty = calendar && !calendar.often.length && calendar.days.every((one) => !one.count);
  return (
    <>
      <Toolbar start={start} span={span} />
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {calendar && <Often calendar={calendar} />}
      {calendar && !isEmpty && <Days calendar={calendar} span={span} />}
      {loaded.data?.hasMore && (
        <p class="muted">There are more schedules than a calendar can show: see the list.</p>
      )}
      {!loaded.isLoading && (isEmpty || !calendar) && loaded.error === undefined && (
        <EmptyState
          title={end <= Date.now() ? "These days have passed" : "No run is due"}
          text={
            end <= Date.now()
              ? "The calendar shows what is to come. What has run is on the page of each schedule."
              : "Active schedules show their coming runs here."
          }
        >
          <a class="button" href={addressOf(Date.now(), span)}>
            Go to today
          </a>
        </EmptyState>
      )}
    </>
  );
}

function Toolbar({ start, span }: { start: number; span: Span }) {
  const { route } = useLocation();
  const last = dayStart(start, DAYS[span] - 1);
  const title = span === "day" ? TITLE.format(start) : SHORT.formatRange(start, last);
  return (
    <div class="toolbar">
      <a class="button" href={addressOf(dayStart(start, -DAYS[span]), span)}>
        Earlier
      </a>
      <a class="button" href={addressOf(Date.now(), span)}>
        Today
      </a>
      <a class="button" href={addressOf(dayStart(start, DAYS[span]), span)}>
        Later
      </a>
      <h2 aria-live="polite">{title}</h2>
      <span class="row schedules-span">
        <input
          type="date"
          aria-label="Day"
          value={dayName(start)}
          onChange={(event) => {
            const at = dayNamed(event.currentTarget.value);
            if (at !== undefined) route(addressOf(at, span));
          }}
        />
        {(["day", "week"] as const).map((one) => (
          <a
            key={one}
            class="chip"
            href={addressOf(start, one)}
            aria-current={one === span ? "true" : undefined}
          >
            {one === "day" ? "Day" : "Week"}
          </a>
        ))}
      </span>
    </div>
  );
}

function Often({ calendar }: { calendar: Calendar }) {
  if (!calendar.often.length) return null;
  return (
    <p class="schedules-often">
      <span class="muted">Often: </span>
      {calendar.often.map(({ id, name }) => (
        <a key={id} class="chip" href={`/ui/schedules/${id}`}>
          {name}
        </a>
      ))}
    </p>
  );
}

function Days({ calendar, span }: { calendar: Calendar; span: Span }) {
  return (
    <div class={`schedules-days schedules-${span}`}>
      {calendar.days.map((day) => (
        <DayBox key={day.start} day={day} span={span} />
      ))}
    </div>
  );
}

function DayBox({ day, span }: { day: Day; span: Span }) {
  const isToday = day.start === dayStart(Date.now());
  return (
    <section class="schedules-day" aria-label={TITLE.format(day.start)}>
      <h3 aria-current={isToday ? "date" : undefined}>
        <a href={addressOf(day.start, "day")}>{SHORT.format(day.start)}</a>{" "}
        <span class="muted small">{day.count ? counted(day.count, "run") : ""}</span>
      </h3>
      <ul>
        {day.hours.map((hour) => (
          <HourRuns key={hour.hour} hour={hour} day={day} span={span} />
        ))}
      </ul>
      {day.count === 0 && <p class="muted small">none</p>}
    </section>
  );
}

function HourRuns({ hour, day, span }: { hour: Hour; day: Day; span: Span }) {
  const { runs } = hour;
  const most = SHOWN_OF_HOUR[span];
  const shown = runs.length > most ? runs.slice(0, most - 1) : runs;
  const rest = runs.length - shown.length;
  return (
    <>
      {shown.map((run) => (
        <li key={`${run.id} ${run.at}`} class="cut">
          <time class="muted" dateTime={new Date(run.at).toISOString()}>
            {TIME.format(run.at)}
          </time>{" "}
          <a href={`/ui/schedules/${run.id}`} title={run.name}>
            {run.name}
          </a>
        </li>
      ))}
      {rest > 0 && (
        <li>
          {span === "week" ? (
            <a class="muted" href={addressOf(day.start, "day")}>
              {counted(rest, "more run")} until {String(hour.hour + 1).padStart(2, "0")}:00
            </a>
          ) : (
            <details>
              <summary class="muted">{counted(rest, "more run")} in this hour</summary>
              <ul>
                {runs.slice(shown.length).map((run) => (
                  <li key={`${run.id} ${run.at}`} class="cut">
                    <a href={`/ui/schedules/${run.id}`}>
                      {TIME.format(run.at)} {run.name}
                    </a>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </li>
      )}
    </>
  );
}
