// What a job waits for, in words, and why each node is passed over.
import type { ComponentChildren } from "preact";
import { api, data, type Schemas } from "../api/client";
import { Command } from "../ui/copy";
import { useLoad } from "../ui/load";
import { Mark } from "../ui/state";
import { At } from "../ui/time";
import { jobHref } from "./address";

type Waiting = Schemas["Waiting"];

const IS_WRONG = new Set(["no_worker", "placement", "returned"]);
/** What waits by itself is said only beside its tasks. */
const IS_SAID = new Set([...IS_WRONG, "held", "start_at", "busy", "retry"]);

export function JobWaiting({ job }: { job: Schemas["JobHeader"] }) {
  const waiting = job.waiting;
  if (!waiting || !IS_SAID.has(waiting.reason)) return null;
  const look = IS_WRONG.has(waiting.reason) ? "warned" : "waiting";
  return (
    <section class={`note state-${look} section`} aria-label="What it waits for">
      <h2>
        <Mark
          look={look}
          shape={look === "warned" ? "warning" : "clock"}
          word={`Waiting: ${waiting.message}`}
        />
      </h2>
      <p>
        {waiting.taskId && (
          <a href={jobHref(job.id, { task: waiting.taskId })}>The task that waits</a>
        )}
        {waiting.until && (
          <>
            {waiting.taskId ? " until " : "Until "}
            <At at={waiting.until} />
          </>
        )}
      </p>
      <Hint waiting={waiting} jobId={job.id} />
    </section>
  );
}

function Hint({ waiting, jobId }: { waiting: Waiting; jobId: string }): ComponentChildren {
  const queue = /queue '([^']+)'/.exec(waiting.message)?.[1];
  switch (waiting.reason) {
    case "no_worker":
      return (
        <>
          <p>
            Start a worker that serves it, or see <a href="/ui/cluster/queues">the queues</a>:
          </p>
          <Command text={`CONVEYOR_WORKER_QUEUES=${queue ?? "default"}:2 conveyor worker`} />
        </>
      );
    case "held":
      return <p>It is a draft: nothing begins before it is released.</p>;
    case "placement":
      return <Placement jobId={jobId} />;
    case "returned":
    case "busy":
      return (
        <p>
          See <a href="/ui/cluster/nodes">what the nodes do</a>.
        </p>
      );
    default:
      return null;
  }
}

function Placement({ jobId }: { jobId: string }) {
  const found = useLoad(`placement ${jobId}`, (signal) =>
    data(api.GET("/jobs/{id}/placement", { params: { path: { id: jobId } }, signal })),
  );
  return (
    <>
      {found.data?.waiting.map((group) => (
        <table class="cards job-placement" key={group.taskIds[0] ?? group.name}>
          <caption class="unseen">Nodes that were looked at for {group.name}</caption>
          <thead>
            <tr>
              <th>Node</th>
              <th>Why it does not take {group.name}</th>
            </tr>
          </thead>
          <tbody>
            {group.nodes.map((node) => (
              <tr key={node.id}>
                <td>
                  <a href={`/ui/cluster/nodes/${node.id}`}>{node.name}</a>
                </td>
                <td>{node.reasons.join("; ") || "it fits, and takes it soon"}</td>
              </tr>
            ))}
            {group.nodes.length === 0 && (
              <tr>
                <td colSpan={2}>No worker is up.</td>
              </tr>
            )}
          </tbody>
        </table>
      ))}
    </>
  );
}
