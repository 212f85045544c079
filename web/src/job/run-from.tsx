// Runs an ended job again from one of its tasks on.
import { useLocation } from "preact-iso";
import { api, type Schemas } from "../api/client";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { isFinal } from "../ui/state";
import { jobHref } from "./address";

interface Props {
  job: Schemas["JobHeader"];
  task: Schemas["Task"];
  reload: () => void;
}

export function RunFrom({ job, task, reload }: Props) {
  const { route } = useLocation();
  const { act, error } = useAct(reload);
  const { position } = task;
  if (position == null || !canRunFrom(job, task)) return null;
  const run = async () => {
    const params = { path: { id: job.id } };
    const restart = () => api.PUT("/jobs/{id}/restart", { params, body: { from: position } });
    if (await act(restart, "The job runs again")) route(jobHref(job.id));
  };
  return (
    <>
      <Confirm kind="plain" label="Run again from here" {...words(job, task)} onConfirm={run} />
      {error !== undefined && <ErrorNote error={error} />}
    </>
  );
}

/** Children run again with their parent; a job with services or daemons only runs again as a whole. */
const canRunFrom = (job: Props["job"], task: Props["task"]): boolean =>
  job.access === "operate" && isFinal(job.state) && !task.parentId && job.hasServices === false;

function words(job: Props["job"], task: Props["task"]) {
  const stoppedHere = job.state !== "COMPLETED" && task.state === "FAILED";
  const children =
    task.each || task.spawn || task.parallel ? "only its failed children" : "the task";
  return {
    question: stoppedHere
      ? `Run ${children} and what follows again?`
      : "Run it and what follows again? What was before it stays.",
    yes: "Run from here",
  };
}
