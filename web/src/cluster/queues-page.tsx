// The queues: what waits, since when, who takes it, and how fast.
import "./cluster.css";
import { api, data, type Schemas } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { count } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { figure } from "../ui/plot";
import { Sparkline } from "../ui/sparkline";
import { Mark } from "../ui/state";
import { Took } from "../ui/time";
import { ClusterHead } from "./cluster-head";
import { purpose, type Queue, queueHref } from "./words";

const REFRESH_MS = 10_000;
const LINES_REFRESH_MS = 60_000;
const MOST_LINES = 30;

export default function QueuesPage() {
  const loaded = useLoad("", (signal) => data(api.GET("/queues", { signal })));
  useRefresh(loaded.reload, REFRESH_MS);
  const queues = loaded.data;
  const ofTasks = queues?.filter(({ name }) => !purpose(name)) ?? [];
  const own = queues?.filter(({ name }) => purpose(name)) ?? [];
  const names = ofTasks.map(({ name }) => name).slice(0, MOST_LINES);
  const lines = useLoad(names.join(), (signal) => sizes(names, signal));
  useRefresh(lines.reload, LINES_REFRESH_MS);
  return (
    <>
      <ClusterHead title="Queues" />
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {queues && ofTasks.length === 0 && (
        <EmptyState
          title="No queue of tasks exists yet"
          text="A queue is made when a worker serves it, or the first task is sent to it."
        >
          <a class="button" href="/ui/submit">
            Submit a job
          </a>
        </EmptyState>
      )}
      {ofTasks.length > 0 && <TaskQueues queues={ofTasks} lines={lines.data ?? {}} />}
      {own.length > 0 && <OwnQueues queues={own} />}
    </>
  );
}

type Sizes = Record<string, (number | null)[]>;

/** Of the last hour. */
async function sizes(names: readonly string[], signal: AbortSignal): Promise<Sizes> {
  const found: Sizes = {};
  for (const name of names) {
    const params = { path: { name }, query: { since: "1h", points: 60 } };
    const history: Schemas["QueueHistory"] = await data(
      api.GET("/queues/{name}/history", { params, signal }),
    );
    found[name] = history.points.map(({ size }) => size ?? null);
  }
  return found;
}

function TaskQueues({ queues, lines }: { queues: Queue[]; lines: Sizes }) {
  return (
    <div class="scroll">
      <table class="cards">
        <caption class="unseen">Queues of tasks</caption>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              Oldest waits
            </th>
            <th scope="col" class="number">
              Running of slots
            </th>
            <th scope="col" class="number">
              Consumers
            </th>
            <th scope="col" class="number">
              In, out per minute
            </th>
            <th scope="col">Waiting, last hour</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <Row key={queue.name} queue={queue} line={lines[queue.name] ?? []} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const rate = (value: number | undefined): string => (value === undefined ? "–" : figure(value));

function Row({ queue, line }: { queue: Queue; line: (number | null)[] }) {
  return (
    <tr>
      <td class="wide">
        <a href={queueHref(queue.name)}>{queue.name}</a>
        {queue.slots === 0 && (
          <div>
            <Mark look="warned" shape="warning" word="No worker serves it" />
          </div>
        )}
      </td>
      <td class="number" data-label="Waiting">
        {count(queue.size)}
      </td>
      <td class="number" data-label="Oldest">
        {queue.oldestAt ? <Took from={queue.oldestAt} /> : "–"}
      </td>
      <td class="number" data-label="Running">
        {count(queue.unacked)} of {count(queue.slots ?? 0)}
      </td>
      <td class="number" data-label="Consumers">
        {count(queue.subscribers)}
      </td>
      <td class="number" data-label="In, out per minute">
        {rate(queue.scheduledPerMinute)}, {rate(queue.startedPerMinute)}
      </td>
      <td>
        <Sparkline values={line} label={`Waiting in the last hour, now ${queue.size}`} />
      </td>
    </tr>
  );
}

function OwnQueues({ queues }: { queues: Queue[] }) {
  return (
    <section class="section">
      <h2>Internal queues</h2>
      <div class="scroll">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">What for</th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Consumers
              </th>
            </tr>
          </thead>
          <tbody>
            {queues.map(({ name, size, subscribers }) => (
              <tr key={name}>
                <td>
                  <a href={queueHref(name)}>{name}</a>
                </td>
                <td class="muted">{purpose(name)}</td>
                <td class="number" data-label="Waiting">
                  {count(size)}
                </td>
                <td class="number" data-label="Consumers">
                  {count(subscribers)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
