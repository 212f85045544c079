import { describe, expect, it } from "vitest";
import {
  advice,
  grouped,
  labelNames,
  type Node,
  nodeState,
  problems,
  queuesOf,
  usualVersion,
} from "./words";

const NONE = { cpus: 0, memory: 0, disk: 0, gpus: 0 };

const node = (fields: Partial<Node> = {}): Node => ({
  id: "n1",
  name: "one",
  startedAt: "2026-01-01T00:00:00Z",
  lastHeartbeatAt: "2026-01-01T00:00:00Z",
  cpuPercent: 1,
  queue: "default:4",
  status: "UP",
  hostname: "h",
  port: 1,
  taskCount: 0,
  version: "1.0",
  membership: "APPROVED",
  availability: "active",
  labels: {},
  engines: ["docker"],
  storages: [],
  publishers: [],
  gpus: [],
  capacity: NONE,
  free: NONE,
  executions: 0,
  maxExecutions: 1,
  ...fields,
});

describe("a worker", () => {
  it("has the state that matters most", () => {
    expect(nodeState(node()).word).toBe("Up");
    expect(nodeState(node({ availability: "draining" })).word).toBe("Draining");
    expect(nodeState(node({ availability: "draining", status: "OFFLINE" })).word).toBe("Offline");
    const held = { heldUntil: "2026-01-01T00:01:00Z", holdReason: "5 jobs failed" };
    expect(nodeState(node(held)).word).toBe("On hold");
    expect(nodeState(node({ ...held, availability: "cordoned" })).word).toBe("Cordoned");
    expect(problems([], [node(held)], []).map(({ text }) => text)).toEqual([
      "Worker one is on hold: 5 jobs failed.",
    ]);
    expect(nodeState(node({ availability: "cordoned", membership: "PENDING" })).word).toBe(
      "Waits for approval",
    );
  });

  it("serves queues with slots", () => {
    expect(queuesOf({ queue: "default:4, a:b:2,slow" })).toEqual([
      { name: "default", slots: 4 },
      { name: "a:b", slots: 2 },
      { name: "slow", slots: 1 },
    ]);
    expect(queuesOf({ queue: "" })).toEqual([]);
  });

  it("is in a group by its label, and last without it", () => {
    const nodes = [node(), node({ labels: { zone: "b" } }), node({ labels: { zone: "a" } })];
    expect(grouped(nodes, "zone").map(([value]) => value)).toEqual(["a", "b", ""]);
    expect(labelNames(nodes)).toEqual(["zone"]);
  });

  it("has another version than most", () => {
    const nodes = [
      node({ version: "2.0" }),
      node(),
      node(),
      node({ version: "3", status: "OFFLINE" }),
    ];
    expect(usualVersion(nodes)).toBe("1.0");
    expect(problems([], nodes, []).map(({ text }) => text)).toEqual([
      "Workers run 2 versions: 1.0, 2.0.",
    ]);
  });
});

describe("what is wrong", () => {
  it("is nothing where all is well", () => {
    const queue = { name: "default", size: 9, subscribers: 1, unacked: 4, slots: 4 };
    expect(problems([], [node()], [queue])).toEqual([]);
  });

  it("is told in words, the worst first", () => {
    const queues = [
      { name: "slow", size: 1, subscribers: 0, unacked: 0, slots: 0 },
      { name: "completions", size: 7, subscribers: 0, unacked: 0 },
      { name: "dead-letters", size: 2, subscribers: 0, unacked: 0 },
    ];
    expect(problems(["Postgres"], [], queues).map(({ text }) => text)).toEqual([
      "Missing: Postgres.",
      "No worker is up: tasks wait until one is started.",
      "No worker serves queue slow: 1 task waits.",
      "No service reads queue completions (reports of workers: a coordinator reads them): 7 waiting.",
      "2 messages could not be processed.",
    ]);
  });

  it("names the workers that get no new tasks", () => {
    const nodes = [node(), node({ name: "two", availability: "draining" })];
    expect(problems([], nodes, []).map(({ text }) => text)).toEqual([
      "Worker two is draining: it gets no new tasks.",
    ]);
  });

  it("is said of a dead letter, with what may be done", () => {
    expect(advice("undecodable: x")).toMatch(/newer service/);
    expect(advice("ValueError: x")).toMatch(/Requeue/);
    expect(advice(undefined)).toMatch(/Requeue/);
  });
});
