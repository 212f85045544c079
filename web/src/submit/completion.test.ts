import { expect, test } from "vitest";
import { ApiError } from "../api/client";
import { choicesAt, expressionNames } from "./completion";
import { advice, inWords, ordered, refusals, syntaxProblems } from "./problems";
import type { Schema } from "./schema";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    name: { type: "string", description: "For people." },
    tasks: {
      type: "array",
      items: {
        type: "object",
        properties: {
          name: { type: "string" },
          env: { type: "object" },
          kind: { enum: ["ops", "batch"] },
        },
      },
    },
  },
};

function at(text: string) {
  const offset = text.indexOf("§");
  return choicesAt(SCHEMA, text.replace("§", ""), offset)?.choices ?? [];
}

const inserts = (text: string) => at(text).map((choice) => choice.insert);

test("fields that are not there yet are offered, each as its value begins", () => {
  expect(inserts("§")).toEqual(["name: ", "tasks:\n  - "]);
  expect(inserts("name: x\nt§")).toEqual(["tasks:\n  - "]);
  expect(inserts("tasks:\n  - name: a\n    e§")).toEqual(["env:\n      ", "kind: "]);
  expect(inserts("tasks: [{name: a, e§}]")).toEqual(["env", "kind"]);
  expect(inserts('{"na§": 1}')).toEqual(["name", "tasks"]);
});

test("values are offered where they can be chosen", () => {
  expect(inserts("tasks:\n  - kind: §")).toEqual(["ops", "batch"]);
  expect(inserts("name: §")).toEqual([]);
});

test("expressions are offered what they can read", () => {
  const job =
    "inputs: {n: 1, a-b: 2}\nsecrets: {t: x}\ntasks:\n  - var: greeting\n    if: '{{ in§ }}'";
  expect(inserts(job).slice(0, 4)).toEqual([
    "inputs.n",
    'inputs["a-b"]',
    "secrets.t",
    "tasks.greeting",
  ]);
  expect(expressionNames("").map(([name]) => name)).toContain("job.id");
});

test("mistakes of YAML have a line at once", () => {
  const [first] = syntaxProblems("name: x\ntasks: [\n");
  expect(first).toMatchObject({ severity: "error", line: expect.any(Number) });
  expect(first?.message).toMatch(/^Not valid YAML: /);
});

test("what the server refuses without a line is placed by its field", () => {
  const text = "name: x\nuploads:\n  data: cafe\n";
  const error = new ApiError(400, "no", [{ field: "uploads.data", rule: "does not exist" }]);
  expect(refusals(error, text)[0]).toMatchObject({ line: 3, column: 3, message: "does not exist" });
});

test("errors come before warnings, and are counted in words", () => {
  const found = ordered([
    { severity: "warning", field: "a", message: "w", line: 1 },
    { severity: "error", field: "b", message: "e", line: 9 },
    { severity: "error", field: "c", message: "e", line: 2 },
  ]);
  expect(found.map(({ line }) => line)).toEqual([2, 9, 1]);
  expect(inWords(found)).toBe("2 errors, 1 warning");
});

test("what a server can't do now is told in words, with what to do", () => {
  expect(advice(new ApiError(413, "the limit is 1 B"))).toMatch(
    /larger than the server takes.*upload/,
  );
  expect(advice(new ApiError(429, "no", [], 7))).toBe(
    "You have sent too many requests. Try again in 7 s.",
  );
  expect(advice(new ApiError(503, "too many submissions are waiting"))).toMatch(/Nothing is lost/);
});
