// What became of the times of a schedule.
import { api, data } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { exactTime } from "../ui/format";
import { useLoad } from "../ui/load";
import { Pager } from "../ui/pager";
import { At } from "../ui/time";
import { RunState } from "./marks";
import { lateInWords, lateMs, milliseconds, type Run, type Whole } from "./words";

const SIZE = 20;
const STATES = [
  ["", "All"],
  ["FIRED", "With a job"],
  ["SKIPPED", "Skipped"],
  ["HELD", "Held"],
] as const;
const KINDS: Record<Run["kind"], string> = {
  SCHEDULED: "by the clock",
  TRIGGERED: "by request",
  BACKFILLED: "backfill",
};

interface Props {
  schedule: Whole;
  state: string;
  page: number;
}

export function Runs({ schedule, state: asked, page }: Props) {
  const state = STATES.find(([name]) => name === asked)?.[0] ?? "";
  const { id, lastRun } = schedule;
  // It is read again when the last run is another one, or has come further.
  const key = [id, state, page].join(" ");
  const newest = `${lastRun?.at} ${lastRun?.jobState}`;
  const loaded = useLoad(`${key} ${newest}`, (signal) => {
    const query = { state, page, size: SIZE };
    return data(api.GET("/scheduled-jobs/{id}/runs", { params: { path: { id }, query }, signal }));
  });
  const found = loaded.data;
  const at = (one: string, number = 1) =>
    `/ui/schedules/${id}?${new URLSearchParams({ ...(one && { state: one }), page: String(number) })}`;
  return (
    <>
      <div class="toolbar">
        {STATES.map(([name, word]) => (
          <a
            key={name}
            class="chip"
            href={at(name)}
            aria-current={name === state ? "true" : undefined}
          >
            {word}
          </a>
        ))}
      </div>
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {found && found.items.length > 0 && (
        <RunTable runs={found.items} jitterMs={milliseconds(schedule.schedule.jitter)} />
      )}
      {found && found.items.length === 0 && (
        <EmptyState
          title={state ? "No such run" : "No run yet"}
          text="Each time of the schedule, with its job or the reason why there is none, is kept here for some days."
        />
      )}
      {found && <Pager page={page} pages={found.totalPages} at={(number) => at(state, number)} />}
    </>
  );
}

function RunTable({ runs, jitterMs }: { runs: readonly Run[]; jitterMs: number }) {
  return (
    <table class="cards schedules-fired">
      <caption class="unseen">Runs, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Due</th>
          <th scope="col">Outcome</th>
          <th scope="col">Lateness</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => {
          const late = lateMs(run, jitterMs);
          return (
            <tr key={`${run.scheduledAt} ${run.kind} ${run.at}`}>
              <td>
                <At at={run.scheduledAt} />
                {run.until && <> to {<At at={run.until} />}</>}
              </td>
              <td>
                <RunState run={run} />
              </td>
              <td
                class={late ? "schedules-late" : "muted"}
                title={`created ${exactTime(Date.parse(run.at))}`}
              >
                {lateInWords(late)}
              </td>
              <td class="muted">{run.reason ?? KINDS[run.kind]}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
