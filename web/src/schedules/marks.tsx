// The state of a schedule and of a run: a shape and a word.
import { Mark, State } from "../ui/state";
import { Ago } from "../ui/time";
import type { Run, Schedule } from "./words";

export function ScheduleMark({ schedule }: { schedule: Pick<Schedule, "state" | "error"> }) {
  if (schedule.error) return <Mark look="warned" shape="warning" word="Stuck" badge />;
  switch (schedule.state) {
    case "ACTIVE":
      return <Mark look="completed" shape="clock" word="Active" badge />;
    case "PAUSED":
      return <Mark look="warned" shape="pause" word="Paused" badge />;
    default:
      return <Mark look="waiting" shape="tick" word="Ended" badge />;
  }
}

/** What became of it: the state of its job, or why there is none. */
export function RunState({ run }: { run: Run }) {
  const at = (
    <span class="muted">
      <Ago at={run.scheduledAt} />
    </span>
  );
  if (run.jobId)
    return (
      <span class="row schedules-run">
        <a href={`/ui/jobs/${run.jobId}`}>
          {run.jobState ? <State state={run.jobState} /> : "Job deleted"}
        </a>
        {at}
      </span>
    );
  return (
    <span class="row schedules-run" title={run.reason}>
      {run.state === "HELD" ? (
        <Mark look="waiting" shape="clock" word="Held" />
      ) : (
        <State state="SKIPPED" />
      )}
      {at}
    </span>
  );
}
