// One scheduled job: when it fires, what became of its times, and what can be done with it.
import "./schedules.css";
import { useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { may } from "../api/session";
import type { Params } from "../app/routes";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { count } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { pageOf } from "../ui/pager";
import { Tabs } from "../ui/tabs";
import { Ago, At } from "../ui/time";
import { Backfill } from "./backfill";
import { EditForm } from "./edit-form";
import { InputsForm } from "./inputs-form";
import { RunState, ScheduleMark } from "./marks";
import { Runs } from "./runs";
import { ScheduleActs } from "./schedule-acts";
import { useJobsOfSchedules } from "./schedule-list";
import { type Whole, whenInWords } from "./words";

const REFRESH_MS = 30_000;
const OVERLAPS: Record<string, string> = {
  allow: "run both",
  skip: "skip the new one",
  bufferOne: "hold one",
  bufferAll: "hold all",
  cancelOther: "cancel the old one",
};
const CATCH_UPS: Record<string, string> = {
  none: "nothing",
  one: "one job",
  all: "a job for each",
};

export default function SchedulePage({ id = "" }: Params) {
  const { query } = useLocation();
  const loaded = useLoad(id, (signal) =>
    data(api.GET("/scheduled-jobs/{id}", { params: { path: { id } }, signal })),
  );
  const isGoing = useRef(false);
  const refresh = () => {
    if (!isGoing.current) loaded.reload();
  };
  useRefresh(refresh, REFRESH_MS);
  useJobsOfSchedules(refresh, id);
  const schedule = loaded.data;
  if (!schedule)
    return (
      <>
        <PageHead title="Schedule" />
        {loaded.error !== undefined && (
          <>
            <ErrorNote error={loaded.error} retry={loaded.reload} />
            <p class="section">
              <a class="button" href="/ui/schedules">
                See all schedules
              </a>
            </p>
          </>
        )}
      </>
    );
  const mayChange = may("operate") && schedule.access === "operate";
  const mayEdit = mayChange && may("submit");
  const tab = tabOf(query.tab, mayEdit, mayChange);
  return (
    <>
      <PageHead title={schedule.name} beside={<ScheduleMark schedule={schedule} />}>
        {mayChange && <ScheduleActs schedule={schedule} reload={loaded.reload} isGoing={isGoing} />}
      </PageHead>
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      <Summary schedule={schedule} />
      <Tabs
        label="Schedule"
        tabs={[
          { name: "Runs", tab: "runs", isShown: true },
          { name: "Edit", tab: "edit", isShown: mayEdit },
          { name: "Backfill", tab: "backfill", isShown: mayChange },
        ]
          .filter((one) => one.isShown)
          .map((one) => ({
            name: one.name,
            href: `/ui/schedules/${id}${one.tab === "runs" ? "" : `?tab=${one.tab}`}`,
            isCurrent: one.tab === tab,
          }))}
      />
      {tab === "runs" && (
        <Runs schedule={schedule} state={query.state ?? ""} page={pageOf(query.page)} />
      )}
      {tab === "edit" && <Edit key={schedule.version} schedule={schedule} reload={loaded.reload} />}
      {tab === "backfill" && <Backfill schedule={schedule} reload={loaded.reload} />}
    </>
  );
}

function Edit({ schedule, reload }: { schedule: Whole; reload: () => void }) {
  const { template } = schedule;
  return (
    <>
      <EditForm schedule={schedule} reload={reload} />
      {template && <InputsForm schedule={schedule} template={template} reload={reload} />}
    </>
  );
}

function tabOf(asked: string | undefined, mayEdit: boolean, mayChange: boolean) {
  if (asked === "edit" && mayEdit) return "edit";
  return asked === "backfill" && mayChange ? "backfill" : "runs";
}

function Summary({ schedule }: { schedule: Whole }) {
  const { next = [], lastRun } = schedule;
  return (
    <>
      {schedule.description && <p class="muted">{schedule.description}</p>}
      {schedule.error && (
        <p class="note state-warned section">It cannot create jobs: {schedule.error}</p>
      )}
      {schedule.note && <p class="note state-warned section">Paused: {schedule.note}</p>}
      <dl class="facts section">
        <Fact name="When">
          {whenInWords({ ...schedule.schedule, timezone: schedule.timezone })}
        </Fact>
        {schedule.cron && (
          <Fact name="Cron">
            <code>{schedule.cron}</code>
          </Fact>
        )}
        <Fact name="Time zone">{schedule.timezone}</Fact>
        <Fact name="While the last job runs">{OVERLAPS[schedule.overlap] ?? schedule.overlap}</Fact>
        <Fact name="After an outage">{CATCH_UPS[schedule.catchUp] ?? schedule.catchUp}</Fact>
        <Fact name="Jobs created">{count(schedule.runs ?? 0)}</Fact>
        {schedule.failures ? <Fact name="Failed in a row">{count(schedule.failures)}</Fact> : null}
        <Fact name="Last run">{lastRun ? <RunState run={lastRun} /> : "no run yet"}</Fact>
      </dl>
      <section class="section">
        <h2>Next times</h2>
        {next.length ? (
          <ol class="schedules-next">
            {next.map((firing) => (
              <li key={firing.scheduledAt}>
                <At at={firing.at ?? firing.scheduledAt} />{" "}
                <span class="muted">
                  <Ago at={firing.at ?? firing.scheduledAt} />
                </span>
              </li>
            ))}
          </ol>
        ) : (
          <p class="muted">
            {schedule.state === "PAUSED"
              ? "None while it is paused: resume it to run it again."
              : "None: it has ended. Edit its times to run it again."}
          </p>
        )}
      </section>
    </>
  );
}
