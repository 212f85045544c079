// One attempt at a task: all there is to know of it, and its log.
import { useEffect, useRef } from "preact/hooks";
import { ApiError, api, data, type Schemas } from "../api/client";
import { Log } from "../log/log";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { duration } from "../ui/format";
import { useLoad } from "../ui/load";
import { isFinal, Mark, State } from "../ui/state";
import { At, Took } from "../ui/time";
import { jobHref } from "./address";
import { JsonTree, parsed } from "./json-tree";
import { RunFrom } from "./run-from";
import { TaskReuse } from "./task-reuse";
import type { Row } from "./task-rows";
import { cause, endOf, runOf, taskName, usedText, waitOf } from "./words";

type Task = Schemas["Task"];

interface Props {
  job: Schemas["JobHeader"];
  taskId: string;
  changes: number;
  /** Reads the job anew. */
  reload: () => void;
}

export function TaskPage({ job, taskId, changes, reload }: Props) {
  const found = useLoad(`task ${taskId}`, (signal) =>
    data(api.GET("/tasks/{id}", { params: { path: { id: taskId } }, signal })),
  );
  const task = found.data;
  const seen = useRef(changes);
  useEffect(() => {
    if (seen.current !== changes && !isFinal(task?.state ?? undefined)) found.reload();
    seen.current = changes;
  }, [changes]);
  if (!task)
    return found.error === undefined ? null : (
      <NoTask jobId={job.id} error={found.error} retry={found.reload} />
    );
  const row = task as Row & Task; // both have the fields of an attempt
  return (
    <article class="task-page stack" aria-label={`Task ${taskName(task)}`}>
      <nav class="job-crumbs small muted" aria-label="Which task">
        <a href={jobHref(job.id)}>Tasks</a>
        {task.parentId && (
          <>
            {" / "}
            <a href={jobHref(job.id, { parent: task.parentId })}>Its siblings</a>
          </>
        )}
      </nav>
      <div class="row">
        <h2 class="task-title">
          {taskName(task)}
          {task.childIndex != null && <span class="muted"> #{task.childIndex}</span>}
        </h2>
        {task.state && <State state={task.state} badge />}
        <RunFrom job={job} task={task} reload={reload} />
      </div>
      {task.description && <p>{task.description}</p>}
      <Why task={task} />
      <Facts row={row} task={task} />
      <Made task={task} jobId={job.id} />
      <Attempts job={job} task={task} changes={changes} />
      {task.result != null && (
        <section aria-label="Result">
          <h2>Result</h2>
          <JsonTree value={parsed(task.result)} />
        </section>
      )}
      <section aria-label="Log">
        <h2>Log</h2>
        <Log jobId={job.id} taskId={taskId} />
      </section>
      <section aria-label="Definition">
        <h2>Definition</h2>
        <JsonTree value={definitionOf(task)} open={2} />
      </section>
    </article>
  );
}

function Why({ task }: { task: Task }) {
  if (task.error)
    return (
      <div class="note state-failed">
        <Mark look="failed" shape="cross" word={headOf(task)} />
        <p class="job-error">{task.error}</p>
      </div>
    );
  const text = task.waiting?.message ?? task.lastReturnReason;
  return text ? (
    <div class="note state-waiting">
      <Mark look="waiting" shape="clock" word={task.waiting ? `Waiting: ${text}` : text} />
    </div>
  ) : null;
}

function Sequence({ task }: { task: Task }) {
  return task.sequence == null ? null : <Fact name="Sequence">{task.sequence}</Fact>;
}

function headOf(task: Task): string {
  const why = cause(task);
  return why && !task.error?.startsWith(why) ? `Failed: ${why}` : "Failed";
}

function Facts({ row, task }: { row: Row; task: Task }) {
  const waited = waitOf({ ...row, kind: isRun(task) ? "task" : "each" });
  const ran = runOf(row);
  const ended = endOf(row);
  const attempt = task.retry?.attempts;
  return (
    <dl class="facts">
      {attempt != null && <Fact name="Retry">{`${attempt} of ${task.retry?.limit ?? "any"}`}</Fact>}
      <Sequence task={task} />
      {task.queue && <Fact name="Queue">{task.queue}</Fact>}
      {task.nodeId && (
        <Fact name="Node">
          <a href={`/ui/cluster/nodes/${task.nodeId}`}>{task.nodeId.slice(0, 12)}</a>
        </Fact>
      )}
      <TaskReuse task={task} />
      {task.exitCode != null && <Fact name="Exit code">{task.exitCode}</Fact>}
      <Fact name="Created">{<At at={task.createdAt ?? undefined} />}</Fact>
      {task.startedAt && <Fact name="Started">{<At at={task.startedAt} />}</Fact>}
      {ended && <Fact name="Ended">{<At at={ended} />}</Fact>}
      {waited && <Fact name="In its queue">{<Took from={waited.from} to={waited.to} />}</Fact>}
      {ran && <Fact name="Ran">{<Took from={ran.from} to={ran.to} />}</Fact>}
      {task.timings?.map((phase) => (
        <Fact key={phase.phase} name={PHASES[phase.phase] ?? phase.phase}>
          {duration(phase.durationMs)}
        </Fact>
      ))}
      {task.phase && <Fact name="Phase">{NOW[task.phase]}</Fact>}
      {task.usage && <Fact name="Used">{usedText(task.usage)}</Fact>}
      {task.state === "RUNNING" && task.progress ? (
        <Fact name="Progress">{`${Math.floor(task.progress)} %`}</Fact>
      ) : null}
    </dl>
  );
}

const NOW: Record<NonNullable<Task["phase"]>, string> = {
  pull: "Pulls its image",
  fetch: "Fetches its files",
  pre: "Runs its pre tasks",
  run: "Runs",
  post: "Runs its post tasks",
  keep: "Stores its files",
};

const PHASES: Record<string, string> = {
  pull: "Pulled its image",
  fetch: "Fetched its files",
  pre: "Ran what comes before",
  run: "Ran its program",
  post: "Ran what comes after",
  keep: "Kept its files",
};

const isRun = (task: Task) =>
  !task.each && !task.spawn && !task.parallel && !task.subjob && !task.partition && !task.placement;

/** Its children, or the job it stands for. */
function Made({ task, jobId }: { task: Task; jobId: string }) {
  const hasChildren = task.each ?? task.spawn ?? task.parallel ?? task.placement;
  return (
    <>
      {hasChildren && task.id && !task.execution && (
        <p>
          <a class="button" href={jobHref(jobId, { parent: task.id })}>
            Its children
          </a>
        </p>
      )}
      {task.partition?.id && (
        <p>
          <a class="button" href={jobHref(task.partition.id)}>
            Its stages
          </a>
        </p>
      )}
      {task.subjob?.id && (
        <p>
          <a class="button" href={jobHref(task.subjob.id)}>
            Its sub-job: {task.subjob.name}
          </a>
        </p>
      )}
    </>
  );
}

/** Every attempt at the same task, if there was more than one. */
function Attempts({ job, task, changes }: { job: Props["job"]; task: Task; changes: number }) {
  const key = `attempts ${task.id} ${task.state} ${isFinal(job.state) ? "" : changes}`;
  const found = useLoad(key, (signal) => attemptsAt(job.id, task, signal));
  if (!found.data || found.data.length < 2) return null;
  return (
    <section aria-label="Attempts">
      <h2>Attempts</h2>
      <ol class="task-attempts">
        {found.data.map((row, index) => {
          const ran = runOf(row);
          return (
            <li key={row.id} class="row">
              <a
                href={jobHref(job.id, { task: row.id ?? "" })}
                aria-current={row.id === task.id ? "true" : undefined}
              >
                Attempt {index + 1}
              </a>
              {row.state && <State state={row.state} />}
              {ran && <Took from={ran.from} to={ran.to} />}
              <span class="muted cut">{row.error ?? row.waiting?.message}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

async function attemptsAt(jobId: string, task: Task, signal: AbortSignal): Promise<Row[]> {
  const asked =
    task.childIndex != null
      ? { parent: task.parentId ?? "", index: task.childIndex }
      : { parent: "top", q: task.name ?? "" };
  const query = { ...asked, attempts: "all" as const, counts: false, size: 100 };
  const found = await data(
    api.GET("/jobs/{id}/tasks", { params: { path: { id: jobId }, query }, signal }),
  );
  return found.items.filter((row) => row.position === task.position && row.id);
}

/** What is known of the attempt, and shown above. */
const OF_ATTEMPT = new Set([
  ...[
    "id",
    "jobId",
    "parentId",
    "childIndex",
    "sequence",
    "position",
    "state",
    "waiting",
    "omitted",
    "nodeId",
  ],
  ...["createdAt", "scheduledAt", "startedAt", "completedAt", "failedAt", "error", "exitCode"],
  ...["failureCause", "lastReturnReason", "result", "progress", "timings", "description"],
  ...["phase", "usage"],
]);

const definitionOf = (task: Task) =>
  Object.fromEntries(Object.entries(task).filter(([name]) => !OF_ATTEMPT.has(name)));

function NoTask({ jobId, error, retry }: { jobId: string; error: unknown; retry: () => void }) {
  if (!(error instanceof ApiError && error.status === 404))
    return <ErrorNote error={error} retry={retry} />;
  return (
    <EmptyState title="There is no such task" text="The job may have begun anew since.">
      <a class="button" href={jobHref(jobId)}>
        All tasks of the job
      </a>
    </EmptyState>
  );
}
