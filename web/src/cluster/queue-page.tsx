// One queue: as it is, and over time.
import "./cluster.css";
import { useLocation } from "preact-iso";
import { ApiError, api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import type { Params } from "../app/routes";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { Chart } from "../ui/chart";
import { Command } from "../ui/copy";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { count, counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { DASHED, DOTTED, figure, perMinute, seconds } from "../ui/plot";
import { Took } from "../ui/time";
import { RangePicker, REFRESH_MS, useRange } from "./ranges";
import { purpose, type Queue } from "./words";

type History = Schemas["QueueHistory"];

export default function QueuePage({ id: name = "" }: Params) {
  const range = useRange();
  const loaded = useLoad(`${name} ${range}`, (signal) => load(name, range, signal));
  useRefresh(loaded.reload, REFRESH_MS);
  const { queue, history } = loaded.data ?? {};
  return (
    <>
      <p class="small">
        <a href="/ui/cluster/queues">Queues</a>
      </p>
      <PageHead title={name}>
        <RangePicker />
      </PageHead>
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {loaded.data && !queue && <p class="note">This queue no longer exists.</p>}
      {queue && <Now queue={queue} />}
      {history && <Charts history={history} isOfTasks={!purpose(name)} />}
      {queue && may("admin") && <Delete queue={queue} onDone={loaded.reload} />}
    </>
  );
}

interface Found {
  queue: Queue | undefined;
  history: History;
}

/** Of a queue that was deleted only the history. */
async function load(name: string, since: string, signal: AbortSignal): Promise<Found> {
  const path = { name };
  const history = await data(
    api.GET("/queues/{name}/history", { params: { path, query: { since, points: 120 } }, signal }),
  );
  const queue = await data(api.GET("/queues/{name}", { params: { path }, signal })).catch(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    },
  );
  return { queue, history };
}

function Now({ queue }: { queue: Queue }) {
  const what = purpose(queue.name);
  return (
    <>
      {what && <p class="muted">Internal queue: {what}.</p>}
      {queue.slots === 0 && (
        <div class="note state-warned stack">
          <p>
            No worker serves this queue{queue.size > 0 && ": its tasks wait until one does"}. Start
            one that does:
          </p>
          <div>
            <Command text={`CONVEYOR_WORKER_QUEUES=${queue.name}:4 conveyor worker`} />
          </div>
        </div>
      )}
      <dl class="facts cluster-facts section">
        <Fact name="Waiting">{count(queue.size)}</Fact>
        {!what && (
          <>
            <Fact name="Oldest waits">{queue.oldestAt ? <Took from={queue.oldestAt} /> : "–"}</Fact>
            <Fact name="Running of slots">
              {count(queue.unacked)} of {count(queue.slots ?? 0)}
            </Fact>
          </>
        )}
        <Fact name="Consumers">{count(queue.subscribers)}</Fact>
      </dl>
    </>
  );
}

function Charts({ history: { points }, isOfTasks }: { history: History; isOfTasks: boolean }) {
  const times = points.map(({ at }) => Date.parse(at) / 1000);
  const of = (value: (point: History["points"][number]) => number | undefined) =>
    points.map((point) => value(point) ?? null);
  return (
    <section class="section">
      <h2>Over time</h2>
      <div class="cluster-charts">
        <Chart
          title="Waiting"
          times={times}
          format={figure}
          none="There are no samples of this time. Schedulers take one every 15 s."
          series={[
            { name: "on average", colour: "--text", values: of((point) => point.size) },
            { name: "most", colour: "--muted", dash: DOTTED, values: of((point) => point.maxSize) },
          ]}
        />
        {isOfTasks && (
          <>
            <Chart
              title="Tasks per minute"
              times={times}
              format={figure}
              series={[
                {
                  name: "in",
                  colour: "--muted",
                  dash: DOTTED,
                  values: points.map((point) => perMinute(point.scheduled, point.seconds)),
                },
                {
                  name: "out",
                  colour: "--completed",
                  values: points.map((point) => perMinute(point.started, point.seconds)),
                },
              ]}
            />
            <Chart
              title="Oldest task"
              times={times}
              format={seconds}
              none="No task waited when a sample was taken."
              series={[
                { name: "waited", colour: "--text", values: of((point) => point.oldestSeconds) },
              ]}
            />
          </>
        )}
        <Chart
          title={isOfTasks ? "Running, consumers" : "Consumers"}
          times={times}
          format={figure}
          series={[
            ...(isOfTasks
              ? [{ name: "running", colour: "--running", values: of((point) => point.running) }]
              : []),
            {
              name: "consumers",
              colour: "--muted",
              dash: DASHED,
              values: of((point) => point.subscribers),
            },
          ]}
        />
      </div>
    </section>
  );
}

/** Only a queue that nobody serves: workers would make it anew at once. */
function Delete({ queue, onDone }: { queue: Queue; onDone: () => void }) {
  const { act, error } = useAct();
  const { route } = useLocation();
  // Workers whose slots are all busy consume nothing at the moment, and still serve it.
  if (purpose(queue.name) || queue.subscribers > 0 || queue.slots) return null;
  const remove = async () => {
    const params = { path: { name: queue.name } };
    const call = () => api.DELETE("/queues/{name}", { params });
    if (await act(call, `Deleted: ${queue.name}`)) route("/ui/cluster/queues");
    else onDone();
  };
  return (
    <section class="section stack">
      <h2>Delete</h2>
      <p class="muted">
        Its messages are deleted with it. Tasks that still wait are sent to it again, which makes it
        anew.
      </p>
      <div>
        <Confirm
          label="Delete the queue"
          question={`Delete ${queue.name} with ${counted(queue.size, "message")}?`}
          yes={`Delete ${queue.name}`}
          onConfirm={remove}
        />
      </div>
      {error !== undefined && <ErrorNote error={error} />}
    </section>
  );
}
