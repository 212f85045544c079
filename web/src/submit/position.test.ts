import { describe, expect, test } from "vitest";
import { cursorAt, placeAt, placeOfField, rangeAt } from "./position";

/** The cursor is at `§`. */
function at(text: string) {
  const offset = text.indexOf("§");
  return cursorAt(text.replace("§", ""), offset);
}

const KEY = { kind: "key" };

describe("the cursor is found in", () => {
  test("an empty file", () => {
    expect(at("§")).toMatchObject({ ...KEY, place: [], siblings: [] });
  });
  test("a key that is half written, with others around it", () => {
    expect(at("name: x\nta§\ntags: [a]\n")).toMatchObject({
      ...KEY,
      place: [],
      siblings: ["name", "tags"],
      from: 8,
      to: 10,
    });
  });
  test("a task of a list, at its first and at a later key", () => {
    expect(at("tasks:\n  - na§\n")).toMatchObject({ ...KEY, place: ["tasks", 0] });
    expect(at("tasks:\n  - name: a\n    re§\n  - name: b\n")).toMatchObject({
      ...KEY,
      place: ["tasks", 0],
      siblings: ["name"],
    });
  });
  test("an empty line, by its indentation", () => {
    expect(at("tasks:\n  - name: a\n    retry:\n      §\n")).toMatchObject({
      ...KEY,
      place: ["tasks", 0, "retry"],
    });
    expect(at("tasks:\n  - name: a\n    §\n")).toMatchObject({ ...KEY, place: ["tasks", 0] });
  });
  test("values", () => {
    expect(at("webhooks:\n  - url: x\n    event: jo§\n")).toMatchObject({
      kind: "value",
      place: ["webhooks", 0, "event"],
    });
    expect(at("schedule:\n  overlap: §\n")).toMatchObject({
      kind: "value",
      place: ["schedule", "overlap"],
    });
  });
  test("mappings in braces, and JSON", () => {
    expect(at("tasks: [{name: a, ru§}]")).toMatchObject({
      ...KEY,
      place: ["tasks", 0],
      siblings: ["name"],
    });
    expect(at('{"name": "x", "ta§"}')).toMatchObject({ ...KEY, place: [], siblings: ["name"] });
    expect(at('{"tasks": [{"name": "a", "re§": {}}]}')).toMatchObject({
      ...KEY,
      place: ["tasks", 0],
    });
  });
  test("no comment and no script", () => {
    expect(at("name: x # ta§")).toBeUndefined();
    expect(at("tasks:\n  - name: a\n    run: |\n      ec§\n")).toBeUndefined();
  });
});

test("a key under the mouse has a place", () => {
  const text = "tasks:\n  - name: a\n    retry: {limit: 2}\n";
  expect(placeAt(text, text.indexOf("limit") + 1)?.place).toEqual(["tasks", 0, "retry", "limit"]);
  expect(placeAt(text, text.indexOf("name") + 1)?.place).toEqual(["tasks", 0, "name"]);
});

test("a field of an error has a range, or what is around it", () => {
  const text = "tasks:\n  - name: a\n    env:\n      A: 1\n";
  const range = rangeAt(text, placeOfField("tasks[0].env.A"));
  expect(text.slice(range?.from, range?.to)).toBe("A");
  const around = rangeAt(text, placeOfField("tasks[0].retry.limit"));
  expect(text.slice(around?.from).startsWith("name: a")).toBe(true);
});
