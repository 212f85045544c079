// Where a job failed, and why.
import type { Schemas } from "../api/client";
import { LogTail } from "../log/log";
import { Mark } from "../ui/state";
import { jobHref } from "./address";
import { cause, taskName } from "./words";

export function JobFailure({ job }: { job: Schemas["JobHeader"] }) {
  if (job.state !== "FAILED") return null;
  const at = job.failure;
  const why = at ? cause(at) : "";
  return (
    <section class="note state-failed section" aria-label="Where it failed">
      <h2>
        <Mark look="failed" shape="cross" word={at ? `Failed in ${where(at)}` : "Failed"} />
      </h2>
      <p class="job-error">{at?.error ?? job.error}</p>
      {why && !at?.error?.startsWith(why) && <p class="muted">Cause: {why}.</p>}
      {/* The error of a program has its last lines already. */}
      {at && !at.error?.includes("\n") && <LogTail taskId={at.taskId} lines={10} />}
      {at && (
        <p class="row">
          <a href={jobHref(job.id, { task: at.taskId })}>Open the task and its log</a>
          {at.subjobId && <a href={jobHref(at.subjobId)}>Open the sub-job</a>}
          {at.nodeId && <a href={`/ui/cluster/nodes/${at.nodeId}`}>The node it ran on</a>}
        </p>
      )}
    </section>
  );
}

function where(at: Schemas["JobFailure"]): string {
  if (!at.parentName) return taskName(at);
  return `${taskName(at)} (#${at.childIndex} of ${at.parentName})`;
}
