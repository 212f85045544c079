// The cluster at a glance: what is wrong, how much it does, and how long that takes.
import "./cluster.css";
import { api, data, type Schemas } from "../api/client";
import { Chart, type Series } from "../ui/chart";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { count, counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { DASHED, DOTTED, figure, perMinute, seconds } from "../ui/plot";
import { Mark } from "../ui/state";
import { ClusterHead } from "./cluster-head";
import { lastSpan, RangePicker, REFRESH_MS, useRange } from "./ranges";
import { problems, purpose } from "./words";

type History = Schemas["MetricsHistory"];
type Point = Schemas["MetricsPoint"];

export default function OverviewPage() {
  const range = useRange();
  const loaded = useLoad(range, (signal) => load(range, signal));
  useRefresh(loaded.reload, REFRESH_MS);
  const found = loaded.data;
  return (
    <>
      <ClusterHead title="Cluster">
        <RangePicker />
      </ClusterHead>
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {found && (
        <>
          <Health problems={problems(found.missing, found.nodes, found.queues)} />
          <Now {...found} />
          <Totals whole={found.history.whole} range={lastSpan(range)} />
          <Charts history={found.history} />
        </>
      )}
    </>
  );
}

interface Found {
  missing: string[];
  nodes: Schemas["Node"][];
  queues: Schemas["Queue"][];
  history: History;
}

async function load(range: string, signal: AbortSignal): Promise<Found> {
  const query = { since: range, points: 120 };
  const [missing, nodes, queues, history] = await Promise.all([
    missingNow(signal),
    data(api.GET("/nodes", { signal })),
    data(api.GET("/queues", { signal })),
    data(api.GET("/metrics/history", { params: { query }, signal })),
  ]);
  return { missing, nodes, queues, history };
}

/** What GET /health names; it answers 503 then, which is no error here. */
async function missingNow(signal: AbortSignal): Promise<string[]> {
  try {
    const response = await fetch("/health", { signal });
    return ((await response.json()) as Schemas["Health"]).missing ?? [];
  } catch {
    return []; // the calls beside this one say that nothing answers
  }
}

function Health({ problems: found }: { problems: ReturnType<typeof problems> }) {
  if (found.length === 0)
    return (
      <p class="cluster-health">
        <Mark look="completed" shape="tick" word="All is well." />
      </p>
    );
  return (
    <ul class="stack" aria-label="What is wrong">
      {found.map(({ look, text, href }) => (
        <li key={text} class={`note state-${look}`}>
          <Mark look={look} shape={look === "failed" ? "cross" : "warning"} word={text} />
          {href && (
            <a class="cluster-more" href={href}>
              See
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}

function Now({ nodes, queues }: Found) {
  const up = nodes.filter(({ status }) => status === "UP");
  const ofTasks = queues.filter(({ name }) => !purpose(name));
  const sum = (value: (queue: Schemas["Queue"]) => number) =>
    ofTasks.reduce((total, queue) => total + value(queue), 0);
  const cpu = up.reduce((total, node) => total + node.cpuPercent, 0) / (up.length || 1);
  return (
    <section class="section" aria-label="Now">
      <h2>Now</h2>
      <dl class="facts cluster-facts">
        <Fact name="Workers up">{count(up.length)}</Fact>
        <Fact name="Tasks running">{count(sum((queue) => queue.unacked))}</Fact>
        <Fact name="Slots">{count(sum((queue) => queue.slots ?? 0))}</Fact>
        <Fact name="Tasks waiting">{count(sum((queue) => queue.size))}</Fact>
        <Fact name="Processor use">{up.length ? `${Math.round(cpu)} %` : "–"}</Fact>
      </dl>
    </section>
  );
}

function Totals({ whole, range }: { whole: Point; range: string }) {
  if (whole.seconds === undefined)
    return (
      <EmptyState
        title="There are no samples of this time"
        text="Schedulers take one every 15 s: figures appear here within half a minute, if a scheduler runs."
      />
    );
  const { jobLatency, queueTime } = whole;
  return (
    <section class="section" aria-label="Totals">
      <h2>Last {range}</h2>
      <dl class="facts cluster-facts">
        <Fact name="Jobs submitted">{count(whole.jobsSubmitted ?? 0)}</Fact>
        <Fact name="Jobs completed">{count(whole.jobsCompleted ?? 0)}</Fact>
        <Fact name="Jobs failed">{count(whole.jobsFailed ?? 0)}</Fact>
        <Fact name="Jobs cancelled">{count(whole.jobsCancelled ?? 0)}</Fact>
        <Fact name="Tasks completed">{count(whole.tasksCompleted ?? 0)}</Fact>
        <Fact name="Tasks failed">{count(whole.tasksFailed ?? 0)}</Fact>
        <Fact name="Job latency, median">{jobLatency ? seconds(jobLatency.p50) : "–"}</Fact>
        <Fact name="Queue time, median">{queueTime ? seconds(queueTime.p50) : "–"}</Fact>
      </dl>
    </section>
  );
}

const percent = (value: number): string => `${Math.round(value)} %`;

function Charts({ history: { points, whole } }: { history: History }) {
  if (whole.seconds === undefined) return null;
  const times = points.map(({ at }) => Date.parse(at) / 1000);
  const rate = (
    name: "jobsSubmitted" | "jobsCompleted" | "jobsFailed" | "tasksCompleted" | "tasksFailed",
  ) => points.map((point) => perMinute(point[name], point.seconds));
  const of = (value: (point: Point) => number | undefined) =>
    points.map((point) => value(point) ?? null);
  const quantiles = (name: "jobLatency" | "queueTime"): Series[] => [
    { name: "median", colour: "--text", values: of((point) => point[name]?.p50) },
    { name: "95 %", colour: "--running", dash: DASHED, values: of((point) => point[name]?.p95) },
    { name: "99 %", colour: "--warned", dash: DOTTED, values: of((point) => point[name]?.p99) },
  ];
  return (
    <div class="cluster-charts section">
      <Chart
        title="Jobs per minute"
        times={times}
        format={figure}
        series={[
          { name: "submitted", colour: "--muted", dash: DOTTED, values: rate("jobsSubmitted") },
          { name: "completed", colour: "--completed", values: rate("jobsCompleted") },
          { name: "failed", colour: "--failed", dash: DASHED, values: rate("jobsFailed") },
        ]}
      />
      <Chart
        title="Tasks per minute"
        times={times}
        format={figure}
        series={[
          { name: "completed", colour: "--completed", values: rate("tasksCompleted") },
          { name: "failed", colour: "--failed", dash: DASHED, values: rate("tasksFailed") },
        ]}
      />
      <Chart
        title="Job latency"
        times={times}
        format={seconds}
        series={quantiles("jobLatency")}
        none="No job ended in this time."
      />
      <Chart
        title="Queue time of tasks"
        times={times}
        format={seconds}
        series={quantiles("queueTime")}
        none="No task began in this time."
      />
      <Chart
        title="Tasks running, workers up"
        times={times}
        format={figure}
        series={[
          { name: "tasks", colour: "--running", values: of((point) => point.tasksRunning) },
          { name: "workers", colour: "--text", dash: DASHED, values: of((point) => point.workers) },
        ]}
      />
      <Chart
        title="Processor use of workers"
        times={times}
        format={percent}
        series={[{ name: "on average", colour: "--text", values: of((point) => point.cpuPercent) }]}
      />
      <p class="small muted cluster-note">
        {counted(points.length, "step")}. Quantiles come from histograms and may be off by some
        percent. Gaps: no scheduler ran.
      </p>
    </div>
  );
}
