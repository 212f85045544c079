// The workers: what they are, what they serve, and how full they are.
import "./cluster.css";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { Command } from "../ui/copy";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { count, counted } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { Mark } from "../ui/state";
import { Ago } from "../ui/time";
import { ClusterHead } from "./cluster-head";
import { Labels, Meters, QueueNames } from "./node-parts";
import { grouped, labelNames, type Node, nodeState, usualVersion } from "./words";

const REFRESH_MS = 10_000;
const PATH = "/ui/cluster/nodes";
const COLUMNS = 7;

interface Filters {
  labels: string;
  status: string;
  group: string;
}

export default function NodesPage() {
  const { query } = useLocation();
  const { labels = "", status = "", group = "" } = query;
  const asked = { labels, status: status as "" | "UP" | "OFFLINE" };
  const loaded = useLoad(`${labels} ${status}`, (signal) =>
    data(api.GET("/nodes", { params: { query: asked }, signal })),
  );
  useRefresh(loaded.reload, REFRESH_MS);
  const nodes = loaded.data;
  return (
    <>
      <ClusterHead title="Nodes" />
      <Toolbar filters={{ labels, status, group }} names={labelNames(nodes ?? [])} />
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {nodes && (nodes.length ? <Table nodes={nodes} group={group} /> : <Empty {...asked} />)}
    </>
  );
}

function Toolbar({ filters, names }: { filters: Filters; names: string[] }) {
  const { route } = useLocation();
  const show = (changed: Partial<Filters>) => {
    const all = Object.entries({ ...filters, ...changed }).filter(([, value]) => value);
    route(all.length ? `${PATH}?${new URLSearchParams(all)}` : PATH, true);
  };
  return (
    <search class="toolbar">
      <form
        class="toolbar-grow row"
        onSubmit={(event) => {
          event.preventDefault();
          show({ labels: String(new FormData(event.currentTarget).get("labels")).trim() });
        }}
      >
        <input
          class="toolbar-grow"
          name="labels"
          key={filters.labels}
          defaultValue={filters.labels}
          placeholder="Labels, such as region=eu,!spot"
          aria-label="Label selector"
        />
        <button class="button" type="submit">
          Filter
        </button>
      </form>
      <select
        aria-label="Status"
        value={filters.status}
        onChange={(event) => show({ status: event.currentTarget.value })}
      >
        <option value="">Seen recently</option>
        <option value="UP">Up</option>
        <option value="OFFLINE">Offline, all known</option>
      </select>
      <select
        aria-label="Group by label"
        value={filters.group}
        onChange={(event) => show({ group: event.currentTarget.value })}
      >
        <option value="">No groups</option>
        {[...new Set([...names, filters.group])].filter(Boolean).map((name) => (
          <option key={name} value={name}>
            By {name}
          </option>
        ))}
      </select>
    </search>
  );
}

function Empty({ labels, status }: { labels: string; status: string }) {
  if (labels || status)
    return (
      <EmptyState title="No worker matches">
        <a class="button" href={PATH}>
          Show all that were seen lately
        </a>
      </EmptyState>
    );
  return (
    <EmptyState
      title="There are no workers"
      text="Tasks wait until a worker serves their queue. Start one on any machine that reaches RabbitMQ:"
    >
      <Command text="conveyor worker" />
    </EmptyState>
  );
}

function Table({ nodes, group }: { nodes: Node[]; group: string }) {
  const usual = usualVersion(nodes);
  const groups: [string, Node[]][] = group ? grouped(nodes, group) : [["", nodes]];
  return (
    <div class="scroll">
      <table class="cards">
        <caption class="unseen">{counted(nodes.length, "worker")}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Queues</th>
            <th scope="col" class="number">
              Running
            </th>
            <th scope="col">Capacity</th>
            <th scope="col">Labels, engines</th>
            <th scope="col">Version, heartbeat</th>
          </tr>
        </thead>
        {groups.map(([value, members]) => (
          <tbody key={value}>
            {group && (
              <tr class="cluster-group">
                <th scope="rowgroup" colSpan={COLUMNS}>
                  {value ? `${group}=${value}` : `Without ${group}`} · {members.length}
                </th>
              </tr>
            )}
            {members.map((node) => (
              <Row key={node.id} node={node} usual={usual} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Row({ node, usual }: { node: Node; usual: string | undefined }) {
  return (
    <tr>
      <td>
        <a href={`${PATH}/${node.id}`}>{node.name}</a>
        {node.hostname !== node.name && <div class="small muted">{node.hostname}</div>}
      </td>
      <td>
        <Mark {...nodeState(node)} />
        {node.message && <div class="small muted">{node.message}</div>}
      </td>
      <td class="wide" data-label="Queues">
        <QueueNames node={node} />
      </td>
      <td class="number" data-label="Running">
        {count(node.taskCount)}
      </td>
      <td class="wide">
        <Meters node={node} />
      </td>
      <td class="wide">
        <Labels node={node} />
        <div class="small muted">{node.engines.join(", ") || "no engine"}</div>
      </td>
      <td data-label="Version">
        {node.version === usual || node.status !== "UP" ? (
          node.version
        ) : (
          <Mark look="warned" shape="warning" word={node.version} />
        )}
        <div class="small muted">
          <Ago at={node.lastHeartbeatAt} />
        </div>
      </td>
    </tr>
  );
}
