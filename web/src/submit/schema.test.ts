import { expect, test } from "vitest";
import { fieldAt, fieldsAt, type Schema, valuesAt } from "./schema";

const SCHEMA: Schema = {
  $defs: {
    Task: {
      type: "object",
      required: ["name"],
      properties: {
        name: { type: ["string", "number"], description: "For\npeople." },
        retry: { anyOf: [{ $ref: "#/$defs/Retry" }, { type: "null" }], description: "Again." },
        subtasks: { type: "array", items: { $ref: "#/$defs/Task" } },
      },
    },
    Retry: {
      type: "object",
      properties: {
        on: { anyOf: [{ enum: ["lost", "failed"], type: "string" }, { type: "null" }] },
      },
    },
  },
  type: "object",
  properties: {
    tasks: { type: "array", items: { $ref: "#/$defs/Task" } },
    env: { type: "object", additionalProperties: { type: "boolean" } },
  },
};

test("fields come with what is said of them, through references and alternatives", () => {
  const fields = fieldsAt(SCHEMA, ["tasks", 0, "subtasks", 3]);
  expect(fields.map((field) => field.name)).toEqual(["name", "retry", "subtasks"]);
  expect(fieldAt(SCHEMA, ["tasks", 0, "name"])).toEqual({
    name: "name",
    description: "For people.",
    type: "text",
    isRequired: true,
    shape: "scalar",
  });
  expect(fieldAt(SCHEMA, ["tasks", 0, "retry"])?.shape).toBe("mapping");
  expect(fieldsAt(SCHEMA, ["tasks", 0, "unknown"])).toEqual([]);
});

test("values are those that can be chosen", () => {
  expect(valuesAt(SCHEMA, ["tasks", 0, "retry", "on"])).toEqual(["lost", "failed"]);
  expect(valuesAt(SCHEMA, ["env", "anything"])).toEqual(["true", "false"]);
});
