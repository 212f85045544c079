import { expect, test } from "vitest";
import {
  inputsOf,
  inputsOfValues,
  inputsPatch,
  otherRules,
  ruleOf,
  runBody,
  typedAnew,
  typedOf,
} from "./inputs";

const SCHEMA = {
  properties: {
    width: { type: "integer", default: 160, minimum: 16, title: "Width" },
    names: { type: "array", default: ["a"] },
    style: { type: "string", enum: ["plain", "loud"] },
    quick: { type: "boolean", default: true },
    picture: { type: "string", "x-type": "file" },
    token: { type: "string", "x-type": "secret" },
  },
  required: ["style", "picture"],
};

test("a schema becomes fields in its order, with defaults, choices and rules", () => {
  const inputs = inputsOf(SCHEMA);
  expect(inputs.map(({ kind }) => kind)).toEqual([
    "number",
    "json",
    "choice",
    "boolean",
    "file",
    "secret",
  ]);
  expect(inputs[0]).toMatchObject({ label: "Width", initial: "160", hint: "At least 16." });
  expect(inputs[1]?.initial).toBe('["a"]');
  expect(inputs[2]).toMatchObject({ isRequired: true, choices: ["plain", "loud"], initial: "" });
  expect(inputs[5]?.hint).toBe("May be left empty.");
});

test("what is typed goes where the template asks for it, and what is empty is left out", () => {
  const typed = { width: "32", names: "", style: "loud", token: "t" };
  expect(runBody(inputsOf(SCHEMA), typed, { picture: "id" })).toEqual({
    inputs: { width: "32", style: "loud" },
    secrets: { token: "t" },
    uploads: { picture: "id" },
  });
});

test("of given inputs only what is typed anew is changed, and what is emptied is taken away", () => {
  const inputs = inputsOf(SCHEMA);
  const given = { width: "32", names: ["b"], style: "loud" };
  const typed = typedOf(inputs, given);
  expect(typed).toMatchObject({ width: "32", names: '["b"]', style: "loud", quick: "true" });
  expect(inputsPatch(inputs, given, typed)).toEqual({});
  expect(inputsPatch(inputs, given, { ...typed, width: "", style: "plain" })).toEqual({
    width: null,
    style: "plain",
  });
});

test("a broken rule stands at its field", () => {
  const inputs = inputsOf(SCHEMA);
  const rules = [
    { field: "inputs.names[1]", value: "1", rule: "must be text" },
    { field: "uploads.picture", rule: "is required" },
    { field: "inputs.namesake", rule: "unknown" },
  ];
  expect(inputs.map((input) => ruleOf(rules, input))).toEqual([
    undefined,
    "1: must be text",
    undefined,
    undefined,
    "is required",
    undefined,
  ]);
  expect(otherRules(rules, inputs)).toEqual([rules[2]]);
});

test("one job gets what is typed otherwise, lists and mappings as such", () => {
  const given = { day: "today", sizes: [1, 2], n: 3 };
  const inputs = inputsOfValues(given);
  const typed = typedOf(inputs, given);
  expect(typed).toEqual({ day: "today", sizes: "[1,2]", n: "3" });
  expect(typedAnew(inputs, given, typed)).toEqual({});
  const anew = { ...typed, day: "", sizes: "[3]" };
  expect(typedAnew(inputs, given, anew)).toEqual({ day: "", sizes: [3] });
  expect(typedAnew(inputs, given, { ...typed, sizes: "[3" })).toEqual({ sizes: "[3" });
});
