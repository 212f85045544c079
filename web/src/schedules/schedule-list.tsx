// The list of scheduled jobs: when they fire, and how their last run went.
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { useStream } from "../api/live";
import { may } from "../api/session";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { count } from "../ui/format";
import { useDelayed, useLoad, useRefresh } from "../ui/load";
import { Pager } from "../ui/pager";
import { Ago } from "../ui/time";
import { RunState, ScheduleMark } from "./marks";
import { lateInWords, lateMs, milliseconds, type Schedule, whenInWords } from "./words";

const SIZE = 50;
const REFRESH_MS = 30_000;
const AFTER_CHANGE_MS = 2000;
const STATES = [
  ["", "All"],
  ["ACTIVE", "Active"],
  ["PAUSED", "Paused"],
  ["ENDED", "Ended"],
] as const;

interface Asked {
  q: string;
  state: string;
  page: number;
}

export function ScheduleList(asked: Asked) {
  const { q, page } = asked;
  const state = STATES.find(([name]) => name === asked.state)?.[0] ?? "";
  const list = useLoad(addressOf({ q, state, page }), (signal) =>
    data(api.GET("/scheduled-jobs", { params: { query: { q, state, page, size: SIZE } }, signal })),
  );
  useRefresh(list.reload, REFRESH_MS);
  useJobsOfSchedules(() => list.reload());
  const found = list.data;
  return (
    <>
      <Toolbar q={q} state={state} page={page} />
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {found && found.items.length > 0 && <Table schedules={found.items} />}
      {found && found.items.length === 0 && <Empty isFiltered={Boolean(q || state)} />}
      {found && (
        <Pager
          page={page}
          pages={found.totalPages}
          at={(number) => addressOf({ q, state, page: number })}
        />
      )}
    </>
  );
}

function addressOf({ q, state, page }: Asked): string {
  const given = new URLSearchParams();
  if (q) given.set("q", q);
  if (state) given.set("state", state);
  if (page > 1) given.set("page", String(page));
  const text = given.toString();
  return text ? `/ui/schedules?${text}` : "/ui/schedules";
}

/** Calls it soon after a job of a schedule has changed. */
export function useJobsOfSchedules(reload: () => void, id?: string): void {
  const look = useDelayed(reload, AFTER_CHANGE_MS);
  useStream("/events?types=job&every=2s", {
    onEvent: (_, event) => {
      const { schedule } = event as { schedule?: { id: string } };
      if (schedule && (!id || schedule.id === id)) look();
    },
  });
}

function Toolbar({ q, state }: Asked) {
  const { route } = useLocation();
  return (
    <search class="toolbar" aria-label="Schedules">
      <form
        class="toolbar-grow schedules-search"
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get("q")).trim();
          route(addressOf({ q: text, state, page: 1 }));
        }}
      >
        <input
          key={q}
          name="q"
          type="search"
          aria-label="Search schedules"
          placeholder="Search names"
          defaultValue={q}
        />
      </form>
      {STATES.map(([name, word]) => (
        <a
          key={name}
          class="chip"
          href={addressOf({ q, state: name, page: 1 })}
          aria-current={name === state ? "true" : undefined}
        >
          {word}
        </a>
      ))}
    </search>
  );
}

function Table({ schedules }: { schedules: readonly Schedule[] }) {
  return (
    <table class="cards schedules-table">
      <caption class="unseen">Scheduled jobs, newest first</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Name</th>
          <th scope="col">When</th>
          <th scope="col">Next run</th>
          <th scope="col">Last run</th>
          <th scope="col">Lateness</th>
        </tr>
      </thead>
      <tbody>
        {schedules.map((schedule) => (
          <Row key={schedule.id} schedule={schedule} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ schedule }: { schedule: Schedule }) {
  const { lastRun } = schedule;
  const late = lastRun && lateMs(lastRun, milliseconds(schedule.schedule.jitter));
  return (
    <tr>
      <td>
        <ScheduleMark schedule={schedule} />
      </td>
      <td class="wide">
        <a href={`/ui/schedules/${schedule.id}`}>{schedule.name}</a>
        {(schedule.note ?? schedule.error) && (
          <p class="small muted">{schedule.error ?? schedule.note}</p>
        )}
      </td>
      <td class="wide" title={schedule.cron}>
        {whenInWords({ ...schedule.schedule, timezone: schedule.timezone })}
      </td>
      <td data-label="next">
        {schedule.nextAt ? <Ago at={schedule.nextAt} /> : <span class="muted">none</span>}
      </td>
      <td data-label="last">
        {lastRun ? <RunState run={lastRun} /> : <span class="muted">no run yet</span>}
      </td>
      <td class={late ? "schedules-late" : "muted"}>
        {lateInWords(late)}
        {schedule.failures ? (
          <span title="jobs that failed, in a row"> {count(schedule.failures)} failed</span>
        ) : null}
      </td>
    </tr>
  );
}

function Empty({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return (
      <EmptyState title="No schedule matches">
        <a class="button" href="/ui/schedules">
          Show all schedules
        </a>
      </EmptyState>
    );
  return (
    <EmptyState
      title="No schedules yet"
      text="A job with a schedule runs again and again: each night, every five minutes, once at a time to come."
    >
      {may("submit") && (
        <a class="button button-primary" href="/ui/submit?example=schedule">
          Write the first schedule
        </a>
      )}
      <Command text={`CONVEYOR_URL=${location.origin} conveyor schedules create nightly.yaml`} />
    </EmptyState>
  );
}
