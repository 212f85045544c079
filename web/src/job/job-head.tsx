// What a job is, and what can be done with it.
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import { type Acts, useAct } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { now } from "../ui/clock";
import { Copy } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { PageHead } from "../ui/page-head";
import { Progress } from "../ui/progress";
import { isFinal, State } from "../ui/state";
import { Ago, At, Took } from "../ui/time";
import { jobHref } from "./address";
import { JobReuse } from "./job-reuse";
import { phaseWords, usedText } from "./words";

type Header = Schemas["JobHeader"];

export function JobHead({ job, reload }: { job: Header; reload: () => void }) {
  const { act, error } = useAct();
  return (
    <header class="job-head">
      <Crumbs job={job} />
      <PageHead title={job.name} beside={<Beside job={job} />}>
        <Buttons job={job} reload={reload} act={act} />
      </PageHead>
      {error !== undefined && <ErrorNote error={error} />}
      {job.description && <p class="job-description">{job.description}</p>}
      <Facts job={job} />
    </header>
  );
}

function Crumbs({ job }: { job: Header }) {
  return (
    <nav class="job-crumbs small muted" aria-label="Where it belongs">
      <a href="/">Jobs</a>
      {job.parents?.map((parent) => (
        <span key={parent.id}>
          {" / "}
          <a href={jobHref(parent.id, { task: parent.taskId })}>{parent.name}</a>
        </span>
      ))}
      {" / "}
      <span aria-current="page">{job.name}</span>
    </nav>
  );
}

function Beside({ job }: { job: Header }) {
  const showsProgress = !isFinal(job.state) || (job.state !== "COMPLETED" && job.progress);
  return (
    <>
      <State state={job.state} badge />
      {showsProgress ? <Progress percent={job.progress ?? 0} label="Progress of the job" /> : null}
    </>
  );
}

function Facts({ job }: { job: Header }) {
  return (
    <dl class="facts">
      <Fact name="Created">
        <Ago at={job.createdAt} />
        {job.createdBy?.username && ` by ${job.createdBy.username}`}
      </Fact>
      {job.priority != null && <Fact name="Priority">{job.priority}</Fact>}
      {job.phase && <Fact name="Phase">{phaseWords(job.phase)}</Fact>}
      {job.concurrency != null && <Fact name="Concurrency">{job.concurrency}</Fact>}
      {job.startRate && <Fact name="Start rate">{job.startRate}</Fact>}
      {job.lockExpiresAt && <Locked job={job} until={job.lockExpiresAt} />}
      <Span job={job} />
      <Used job={job} />
      {job.hasReuse && <JobReuse job={job} />}
      {job.schedule && (
        <Fact name="Schedule">
          <a href={`/ui/schedules/${job.schedule.id}`}>{job.schedule.cron ?? "its schedule"}</a>
          {job.schedule.scheduledAt && (
            <>
              {", due "}
              <At at={job.schedule.scheduledAt} />
            </>
          )}
        </Fact>
      )}
      <Tags tags={job.tags ?? []} />
      <Fact name="Id">
        <span class="row">
          <code class="job-id">{job.id}</code>
          <Copy text={job.id} />
        </span>
      </Fact>
    </dl>
  );
}

/** Who alone can change what it does; a lock that expires tells nobody. */
function Locked({ job, until }: { job: Header; until: string }) {
  if (Date.parse(until) <= now.value) return null;
  return (
    <Fact name="Locked">
      {job.lockedBy?.username && `by ${job.lockedBy.username} `}
      until <At at={until} />
    </Fact>
  );
}

/** How long it took or has taken, and when it ended. */
function Span({ job }: { job: Header }) {
  const end = job.completedAt ?? job.failedAt ?? job.cancelledAt;
  const began = job.runStartedAt ?? job.startedAt ?? undefined;
  const isEndKnown = !isFinal(job.state) || end !== undefined;
  return (
    <>
      {began && isEndKnown && (
        <Fact name={end ? "Took" : job.state === "RUNNING" ? "Running for" : "Waiting for"}>
          <Took from={began} to={end} />
        </Fact>
      )}
      {end && <End job={job} at={end} />}
    </>
  );
}

function Tags({ tags }: { tags: readonly string[] }) {
  if (!tags.length) return null;
  return (
    <Fact name="Tags">
      <span class="row">
        {tags.map((tag) => (
          <a key={tag} class="tag cut" href={`/?tag=${encodeURIComponent(tag)}`}>
            {tag}
          </a>
        ))}
      </span>
    </Fact>
  );
}

function Used({ job }: { job: Header }) {
  return (
    <>
      {job.usage && <Fact name="Used">{usedText(job.usage)}</Fact>}
      {job.subJobsUsage && <Fact name="Used by sub-jobs">{usedText(job.subJobsUsage)}</Fact>}
    </>
  );
}

function End({ job, at }: { job: Header; at: string }) {
  return (
    <Fact name={job.cancelledAt ? "Cancelled" : "Ended"}>
      <At at={at} />
      {job.cancelledBy?.username && ` by ${job.cancelledBy.username}`}
      {job.cancelReason && `: ${job.cancelReason}`}
    </Fact>
  );
}

interface ButtonsProps {
  job: Header;
  reload: () => void;
  act: Acts["act"];
}

function Buttons({ job, reload, act }: ButtonsProps) {
  const { route } = useLocation();
  const params = { path: { id: job.id } };
  const mayOperate = job.access === "operate";
  const cancel = () =>
    act(() => api.PUT("/jobs/{id}/cancel", { params }), "The job is being cancelled").then(reload);
  const release = () =>
    act(() => api.PUT("/jobs/{id}/release", { params }), "The job is released").then(reload);
  const restart = () =>
    act(() => api.PUT("/jobs/{id}/restart", { params }), "The job is restarted").then(reload);
  // What has gone or is left is not read again.
  const leave = async (work: () => Promise<string>, said: string) => {
    let href = "";
    const isDone = await act(async () => {
      href = await work();
    }, said);
    if (isDone) route(href);
    else reload();
  };
  const remove = () =>
    leave(async () => {
      await api.DELETE("/jobs/{id}", { params });
      return "/";
    }, "The job is deleted");
  const runAgain = () =>
    leave(async () => {
      const made = await data(api.POST("/jobs/{id}/run-again", { params }));
      return jobHref(made.id);
    }, "The job runs again");
  const isHeld = job.waiting?.reason === "held";
  const mayRestart = job.state === "FAILED" || job.state === "CANCELLED";
  return (
    <>
      {may("submit") && mayOperate && <Button onClick={() => void runAgain()}>Run again</Button>}
      {may("submit") && (
        <a class="button" href={`/ui/submit?from=${job.id}`}>
          Run again with edits
        </a>
      )}
      {mayOperate && isHeld && (
        <Button kind="primary" onClick={() => void release()}>
          Release
        </Button>
      )}
      {mayOperate && mayRestart && <Button onClick={() => void restart()}>Restart</Button>}
      {mayOperate && !isFinal(job.state) && (
        <Confirm
          label="Cancel"
          question="Cancel this job?"
          yes="Cancel the job"
          onConfirm={cancel}
        />
      )}
      {mayOperate && (isFinal(job.state) || isHeld) && (
        <Confirm
          label="Delete"
          question="Delete this job with its logs and files?"
          yes="Delete the job"
          onConfirm={remove}
        />
      )}
    </>
  );
}
