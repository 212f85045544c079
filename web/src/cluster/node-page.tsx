// One worker: what it is, what holds it, and what administrators may do with it.
import "./cluster.css";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import type { Params } from "../app/routes";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { bytes, counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { Mark, State } from "../ui/state";
import { Ago, At, Took } from "../ui/time";
import { Labels, Meters, QueueNames } from "./node-parts";
import { nodeState } from "./words";

type Whole = Schemas["NodeWithTasks"];
type Act = "approve" | "reject" | "cordon" | "uncordon" | "drain";

const REFRESH_MS = 5000;
const HISTORY_MS = 15_000;

export default function NodePage({ id = "" }: Params) {
  const loaded = useLoad(id, (signal) =>
    data(api.GET("/nodes/{id}", { params: { path: { id } }, signal })),
  );
  useRefresh(loaded.reload, REFRESH_MS);
  const node = loaded.data;
  return (
    <>
      <p class="small">
        <a href="/ui/cluster/nodes">Nodes</a>
      </p>
      <PageHead title={node?.name ?? "Node"} beside={node && <Mark {...nodeState(node)} badge />} />
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {node && (
        <div class="stack">
          {may("admin") && <Acts node={node} reload={loaded.reload} />}
          <Progress node={node} />
          <OnHold node={node} />
          <Facts node={node} />
          <section class="section">
            <h2>Capacity</h2>
            <Meters node={node} />
          </section>
          <Tasks tasks={node.tasks} />
          <History id={node.id} />
        </div>
      )}
    </>
  );
}

interface Shown {
  act: Act;
  label: string;
  question: string;
  done: string;
  kind: "plain" | "danger";
}

const ACTS: Record<Act, Omit<Shown, "act">> = {
  approve: { label: "Approve", question: "Let it take tasks?", done: "Approved", kind: "plain" },
  reject: {
    label: "Reject",
    question: "Take all tasks away, and give it none?",
    done: "Rejected",
    kind: "danger",
  },
  cordon: { label: "Cordon", question: "Give it no new tasks?", done: "Cordoned", kind: "plain" },
  uncordon: {
    label: "Uncordon",
    question: "Give it new tasks again?",
    done: "Takes tasks again",
    kind: "plain",
  },
  drain: {
    label: "Drain",
    question: "Give it no new tasks, and place its executions elsewhere?",
    done: "Draining",
    kind: "plain",
  },
};

/** Those that would change something. */
function actsOf({ membership, availability, heldUntil }: Whole): Act[] {
  return [
    ...(membership === "APPROVED" ? [] : (["approve"] as const)),
    ...(availability === "active" ? (["cordon"] as const) : []),
    ...(availability === "active" && !heldUntil ? [] : (["uncordon"] as const)),
    ...(availability === "draining" ? [] : (["drain"] as const)),
    ...(membership === "REJECTED" ? [] : (["reject"] as const)),
  ];
}

function Acts({ node, reload }: { node: Whole; reload: () => void }) {
  const [note, setNote] = useState("");
  const { act, error } = useAct(reload);
  const { route } = useLocation();
  const say = async (name: Act) => {
    const options = {
      params: { path: { id: node.id } },
      body: note ? { message: note } : {},
    };
    const done = `${ACTS[name].done}: ${node.name}`;
    if (await act(() => api.PUT(`/nodes/{id}/${name}`, options), done)) setNote("");
  };
  const forget = async () => {
    const params = { path: { id: node.id } };
    const work = () => api.DELETE("/nodes/{id}", { params });
    if (await act(work, `Forgotten: ${node.name}`)) route("/ui/cluster/nodes");
  };
  return (
    <>
      <div class="row">
        {actsOf(node).map((name) => (
          <Confirm
            key={name}
            label={ACTS[name].label}
            question={ACTS[name].question}
            yes={`${ACTS[name].label} ${node.name}`}
            kind={ACTS[name].kind}
            onConfirm={() => say(name)}
          >
            <input
              aria-label="Note: why"
              placeholder="Why (optional)"
              maxLength={1000}
              value={note}
              onInput={(event) => setNote(event.currentTarget.value)}
            />
          </Confirm>
        ))}
        {node.status === "OFFLINE" && (
          <Confirm
            label="Forget"
            question="Forget this worker and what was said of it?"
            yes={`Forget ${node.name}`}
            onConfirm={forget}
          />
        )}
      </div>
      {error !== undefined && <ErrorNote error={error} />}
    </>
  );
}

/** How far a drain is, in words. */
function Progress({ node }: { node: Whole }) {
  if (node.availability !== "draining") return null;
  const left = node.tasks.length;
  return (
    <p class="note state-warned" role="status">
      {left === 0
        ? "Drained: nothing runs here any more. It can be stopped."
        : `Draining: ${counted(left, "task")} left. Executions move to other nodes; tasks of queues run to their end.`}
    </p>
  );
}

/** Until when it takes nothing by itself, and why. */
function OnHold({ node }: { node: Whole }) {
  if (!node.heldUntil) return null;
  return (
    <p class="note state-warned" role="status">
      On hold until <At at={node.heldUntil} />: {node.holdReason}.
    </p>
  );
}

function Facts({ node }: { node: Whole }) {
  return (
    <dl class="facts">
      <Fact name="Last heartbeat">
        <Ago at={node.lastHeartbeatAt} />
      </Fact>
      <Fact name="Started">
        <At at={node.startedAt} />
      </Fact>
      <Fact name="Processor use">{Math.round(node.cpuPercent)} %</Fact>
      <Fact name="Machine">
        {node.hostname}:{node.port}
      </Fact>
      <Fact name="Version">{node.version}</Fact>
      <Fact name="Id">
        <code>{node.id}</code>
      </Fact>
      <Fact name="Queues">
        <QueueNames node={node} />
      </Fact>
      <Fact name="Engines">{node.engines.join(", ") || "none that works"}</Fact>
      <Fact name="Executions">
        {node.executions} of {node.maxExecutions}
      </Fact>
      <Fact name="Files from">{node.storages.join(", ") || "–"}</Fact>
      <Fact name="Publishes to">{node.publishers.join(", ") || "–"}</Fact>
      {node.gpus.length > 0 && (
        <Fact name="GPUs">
          {node.gpus.map((gpu) => `${gpu.name} (${bytes(gpu.memory)})`).join(", ")}
        </Fact>
      )}
      {Object.keys(node.labels).length > 0 && (
        <div class="cluster-wide">
          <dt>Labels</dt>
          <dd>
            <Labels node={node} />
          </dd>
        </div>
      )}
      {node.changedAt && (
        <div class="cluster-wide">
          <dt>Changed</dt>
          <dd>
            <At at={node.changedAt} />
            {node.changedBy && ` by ${node.changedBy}`}
            {node.message && <>: {node.message}</>}
          </dd>
        </div>
      )}
    </dl>
  );
}

function Tasks({ tasks }: { tasks: Whole["tasks"] }) {
  return (
    <section class="section">
      <h2>Tasks on this node</h2>
      {tasks.length === 0 ? (
        <p class="muted">Nothing runs here that you may see.</p>
      ) : (
        <div class="scroll">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">State</th>
                <th scope="col">From</th>
                <th scope="col" class="number">
                  Running for
                </th>
                <th scope="col">Holds</th>
              </tr>
            </thead>
            <tbody>
              {tasks.map((task) => (
                <TaskRow key={task.id} task={task} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const RECALLS: Record<string, string> = {
  drain: "asked to leave: the node drains",
  update: "asked to leave: a new version",
  scale: "asked to leave: one too many",
};

function TaskRow({ task }: { task: Whole["tasks"][number] }) {
  const { cpus, memory, disk, gpus } = task.held;
  const held = [
    cpus > 0 && `${cpus} CPUs`,
    memory > 0 && `${bytes(memory)} memory`,
    disk > 0 && `${bytes(disk)} disk`,
    gpus > 0 && `${gpus} GPUs`,
  ].filter(Boolean);
  return (
    <tr>
      <td>
        <a href={`/ui/jobs/${task.jobId}?task=${task.id}`}>{task.name || task.id}</a>
      </td>
      <td>
        <State state={task.state} />
        {task.recall && <div class="small muted">{RECALLS[task.recall] ?? task.recall}</div>}
      </td>
      <td>{task.isExecution ? "placement" : "a queue"}</td>
      <td class="number" data-label="Running for">
        <Took from={task.startedAt} />
      </td>
      <td>{held.join(", ") || "–"}</td>
    </tr>
  );
}

const EVENTS: Record<Schemas["NodeEvent"]["event"], string> = {
  joined: "Joined",
  left: "Left",
  lost: "Lost: it fell silent",
  approved: "Approved",
  rejected: "Rejected",
  cordoned: "Cordoned",
  uncordoned: "Uncordoned",
  draining: "Drained",
};

function History({ id }: { id: string }) {
  const loaded = useLoad(id, (signal) =>
    data(api.GET("/nodes/{id}/history", { params: { path: { id } }, signal })),
  );
  useRefresh(loaded.reload, HISTORY_MS);
  if (loaded.error !== undefined) return <ErrorNote error={loaded.error} retry={loaded.reload} />;
  if (!loaded.data?.length) return null;
  return (
    <section class="section">
      <h2>History</h2>
      <ul class="cluster-history">
        {loaded.data.map((one) => (
          <li key={`${one.at} ${one.event}`}>
            <At at={one.at} /> {EVENTS[one.event]}
            {one.by && ` by ${one.by}`}
            {one.message && <>: {one.message}</>}
          </li>
        ))}
      </ul>
    </section>
  );
}
