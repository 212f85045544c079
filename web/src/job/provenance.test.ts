import { expect, test } from "vitest";
import { provenanceOf } from "./provenance";

const document = {
  prefix: {},
  activity: {
    "conveyor:job/j": { "prov:label": "the job" },
    "conveyor:task/a": { "prov:label": "make", "conveyor:state": "COMPLETED", "conveyor:job": "j" },
  },
  entity: {
    "conveyor:object/out": { "prov:label": "report", "conveyor:size": 2048 },
    "conveyor:image/alpine": { "prov:type": { $: "conveyor:Image" }, "prov:label": "alpine" },
    "conveyor:object/unused": { "prov:label": "nobody" },
  },
  used: {
    "_:1": { "prov:activity": "conveyor:task/a", "prov:entity": "conveyor:image/alpine" },
    "_:2": { "prov:activity": "conveyor:task/a", "prov:entity": "conveyor:image/alpine" },
    "_:3": { "prov:activity": "conveyor:task/gone", "prov:entity": "conveyor:object/out" },
  },
  wasGeneratedBy: {
    "_:4": { "prov:entity": "conveyor:object/out", "prov:activity": "conveyor:task/a" },
  },
};

test("what was used leads to the attempt, and that to what it made", () => {
  const { nodes, edges } = provenanceOf(document);
  expect(edges).toEqual([
    { from: "conveyor:image/alpine", to: "conveyor:task/a" },
    { from: "conveyor:object/out", to: "conveyor:task/gone" },
    { from: "conveyor:task/a", to: "conveyor:object/out" },
  ]);
  const shown = nodes.map(({ name, kind, fact, task }) => [name, kind, fact, task?.id]);
  expect(shown).toContainEqual(["alpine", "Image", "", undefined]);
  expect(shown).toContainEqual(["make", "Task", "completed", "a"]);
  expect(shown).toContainEqual(["report", "Object", "2.0 kB", undefined]);
  expect(shown).toContainEqual(["task", "Task", "", undefined]); // an attempt that one may not see
  expect(shown).toHaveLength(4);
});
