// What the list of workers and the page of one both show.
import { bytes, counted } from "../ui/format";
import { Meter } from "../ui/progress";
import { type Node, queueHref, queuesOf } from "./words";

const cpus = (n: number): string => String(Math.round(n * 10) / 10);

const RESOURCES = [
  { key: "cpus", name: "CPUs", text: cpus },
  { key: "memory", name: "Memory", text: bytes },
  { key: "disk", name: "Disk", text: bytes },
  { key: "gpus", name: "GPUs", text: cpus },
] as const;

/** What tasks hold of what the worker gives; what it gives nothing of is left out. */
export function Meters({ node }: { node: Node }) {
  const given = RESOURCES.filter(({ key }) => node.capacity[key] > 0);
  if (given.length === 0) return <span class="small muted">gives no resources</span>;
  return (
    <dl class="cluster-meters">
      {given.map(({ key, name, text }) => {
        const of = node.capacity[key];
        const held = of - node.free[key];
        return (
          <div key={key}>
            <dt>{name}</dt>
            <dd>
              <Meter of={of} held={held} text={`${text(held)} of ${text(of)}`} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

export function Labels({ node }: { node: Node }) {
  return (
    <span class="tags cluster-labels">
      {Object.entries(node.labels).map(([name, value]) => (
        <a
          key={name}
          class="tag"
          href={`/ui/cluster/nodes?${new URLSearchParams({ labels: value ? `${name}=${value}` : name })}`}
        >
          {value ? `${name}=${value}` : name}
        </a>
      ))}
    </span>
  );
}

export function QueueNames({ node }: { node: Node }) {
  return (
    <span class="cluster-queue-names">
      {queuesOf(node).map(({ name, slots }) => (
        <span key={name}>
          <a href={queueHref(name)}>{name}</a>{" "}
          <span class="small muted">{counted(slots, "slot")}</span>
        </span>
      ))}
    </span>
  );
}
