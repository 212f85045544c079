// What the cluster's figures mean, in words.
import type { Schemas } from "../api/client";
import { count, counted } from "../ui/format";
import type { Shown } from "../ui/state";

export type Node = Schemas["Node"];
export type Queue = Schemas["Queue"];

/** Whether a worker takes tasks, or why not. */
export function nodeState(node: Node): Shown {
  if (node.status === "OFFLINE") return { look: "waiting", shape: "barred", word: "Offline" };
  if (node.status === "DOWN") return { look: "failed", shape: "cross", word: "Down" };
  if (node.membership === "PENDING")
    return { look: "warned", shape: "clock", word: "Waits for approval" };
  if (node.membership === "REJECTED") return { look: "failed", shape: "barred", word: "Rejected" };
  if (node.availability === "draining") return { look: "warned", shape: "dash", word: "Draining" };
  if (node.availability === "cordoned") return { look: "warned", shape: "pause", word: "Cordoned" };
  if (node.heldUntil) return { look: "warned", shape: "pause", word: "On hold" };
  return { look: "completed", shape: "tick", word: "Up" };
}

/** `default:4,highcpu` as names with slots; as the worker's settings spell them. */
export function queuesOf(node: Pick<Node, "queue">): { name: string; slots: number }[] {
  return node.queue
    .split(",")
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => {
      const [, name = text, slots = "1"] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
      return { name, slots: Number(slots) };
    });
}

export const queueHref = (name: string): string => `/ui/cluster/queues/${encodeURIComponent(name)}`;

/** The version that most of the workers that are up have. */
export function usualVersion(nodes: readonly Node[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { status, version } of nodes)
    if (status === "UP") counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** By the value of a label, in order; those without it last. */
export function grouped(nodes: readonly Node[], label: string): [string, Node[]][] {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const value = node.labels[label] ?? "";
    groups.set(value, [...(groups.get(value) ?? []), node]);
  }
  return [...groups].sort(([a], [b]) => Number(!a) - Number(!b) || a.localeCompare(b));
}

export const labelNames = (nodes: readonly Node[]): string[] =>
  [...new Set(nodes.flatMap(({ labels }) => Object.keys(labels)))].sort();

export interface Problem {
  look: "failed" | "warned";
  text: string;
  href?: string;
}

const OWN: Record<string, string> = {
  completions: "reports of workers: a coordinator reads them",
  telemetry: "logs and progress: a coordinator reads them",
  events: "changes for webhooks: a webhook dispatcher reads them",
  heartbeats: "heartbeats of workers: a scheduler reads them",
  placement: "executions that wait for a node: a scheduler reads them",
  "dead-letters": "messages that could not be processed",
};

/** What one of Conveyor's own queues is for; undefined of a task queue. */
export const purpose = (queue: string): string | undefined => OWN[queue];

/** What is wrong now, the worst first. `missing` is what GET /health names. */
export function problems(
  missing: readonly string[],
  nodes: readonly Node[],
  queues: readonly Queue[],
): Problem[] {
  const up = nodes.filter(({ status }) => status === "UP");
  return [
    ...missing.map((what): Problem => ({ look: "failed", text: `Missing: ${what}.` })),
    ...(up.length ? [] : [NO_WORKER]),
    ...queues.flatMap((queue) => problemOfQueue(queue)),
    ...up.flatMap((node) => problemOfNode(node)),
    ...versions(up),
  ];
}

const NO_WORKER: Problem = {
  look: "failed",
  text: "No worker is up: tasks wait until one is started.",
  href: "/ui/cluster/nodes",
};

function problemOfQueue({ name, size, subscribers, slots }: Queue): Problem[] {
  const href = queueHref(name);
  if (name === "dead-letters")
    return size === 0
      ? []
      : [
          {
            look: "warned",
            text: `${counted(size, "message")} could not be processed.`,
            href: "/ui/cluster/dead-letters",
          },
        ];
  if (size > 0 && slots === 0)
    return [
      {
        look: "failed",
        text: `No worker serves queue ${name}: ${counted(size, "task waits", "tasks wait")}.`,
        href,
      },
    ];
  if (size > 0 && slots === undefined && subscribers === 0)
    return [
      {
        look: "failed",
        text: `No service reads queue ${name} (${OWN[name] ?? "of Conveyor"}): ${count(size)} waiting.`,
        href,
      },
    ];
  return [];
}

function problemOfNode(node: Node): Problem[] {
  const { id, name, membership, availability, engines, holdReason } = node;
  const href = `/ui/cluster/nodes/${id}`;
  if (membership === "PENDING")
    return [{ look: "warned", text: `Worker ${name} waits for approval.`, href }];
  if (engines.length === 0)
    return [{ look: "failed", text: `Worker ${name} has no engine that works.`, href }];
  if (availability !== "active")
    return [
      { look: "warned", text: `Worker ${name} is ${availability}: it gets no new tasks.`, href },
    ];
  if (holdReason)
    return [{ look: "warned", text: `Worker ${name} is on hold: ${holdReason}.`, href }];
  return [];
}

function versions(up: readonly Node[]): Problem[] {
  const found = [...new Set(up.map(({ version }) => version))].sort();
  return found.length < 2
    ? []
    : [
        {
          look: "warned",
          text: `Workers run ${found.length} versions: ${found.join(", ")}.`,
          href: "/ui/cluster/nodes",
        },
      ];
}

/** Why a message is a dead letter, and what may be done. */
export function advice(reason: string | undefined): string {
  if (reason?.startsWith("undecodable"))
    return "It is not a message of this version: of a newer service, or of another program.";
  if (reason?.startsWith("unexpected kind"))
    return "It was sent to a queue that has no use for it. Requeueing it changes nothing.";
  if (reason?.startsWith("expired")) return "It waited longer than its queue keeps messages.";
  return "Its handling failed. Requeue it once the cause is mended.";
}
