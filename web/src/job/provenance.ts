// What made each file of a job and what used it, as a graph, from a document in PROV-JSON.
import type { Schemas } from "../api/client";
import type { AnyGraph, AnyNode } from "../timeline/graph-model";
import { bytes } from "../ui/format";

type Document = Schemas["Provenance"];
type Attributes = Record<string, unknown>;

export interface ProvenanceNode extends AnyNode {
  /** "Task", "File", "Directory", "Image" … */
  kind: string;
  /** The state of a task, the size of a file. */
  fact: string;
  /** Of a task: the job it is of, and its id. */
  task?: { jobId: string; id: string } | undefined;
}

const TASK = "conveyor:task/";

/** Of files and what came from outside to the attempts that used it, and from these to the files they
 * made. What an attempt has nothing to do with is left out. */
export function provenanceOf(document: Document): AnyGraph<ProvenanceNode> {
  const edges = [
    ...relations(document.used, "prov:entity", "prov:activity"),
    ...relations(document.wasGeneratedBy, "prov:activity", "prov:entity"),
  ];
  const drawn = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const nodes = [...drawn].map((key) => nodeOf(document, key));
  return { nodes, edges };
}

/** Each once, however often something was used. */
function relations(of: Document["used"], from: string, to: string) {
  const found = new Map<string, { from: string; to: string }>();
  for (const relation of Object.values(of ?? {})) {
    const edge = { from: String(relation[from]), to: String(relation[to]) };
    found.set(`${edge.from} ${edge.to}`, edge);
  }
  return [...found.values()];
}

function nodeOf(document: Document, key: string): ProvenanceNode {
  const activity = document.activity?.[key];
  const entity = document.entity?.[key] ?? {};
  const text = (of: Attributes, name: string) => String(of[name] ?? "");
  if (key.startsWith(TASK)) {
    const of = activity ?? {};
    const id = key.slice(TASK.length);
    return {
      ...{ key, kind: "Task", name: text(of, "prov:label") || "task" },
      fact: text(of, "conveyor:state").toLowerCase(),
      task: activity && { jobId: text(of, "conveyor:job"), id },
    };
  }
  const size = entity["conveyor:size"];
  const name = ["prov:label", "prov:location", "conveyor:fileName"]
    .map((field) => text(entity, field))
    .find(Boolean);
  return {
    ...{ key, kind: kindOf(entity, key), name: name ?? "text" },
    fact: typeof size === "number" ? bytes(size) : "",
  };
}

function kindOf(entity: Attributes, key: string): string {
  const type = entity["prov:type"] as { $?: string } | undefined;
  const kind = (type?.$ ?? key.split("/")[0] ?? "").replace("conveyor:", "");
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}
