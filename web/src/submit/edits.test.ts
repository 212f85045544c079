import { describe, expect, test } from "vitest";
import { changedValues, patchBetween, patchText } from "./changes";
import {
  edited,
  formatted,
  valuesOf,
  withoutSecrets,
  withSource,
  withValue,
  withValues,
} from "./edits";

const JOB = `# a job
name: x
inputs:
  n: 1.10 # as spelled
  list: [a]
secrets:
  token: ""
tasks:
  - name: a
    run: echo
`;

test("values are read as they are spelled, and set without touching the rest", () => {
  expect(valuesOf(JOB, "inputs")).toEqual([
    { name: "n", text: "1.10" },
    { name: "list", text: undefined },
  ]);
  expect(edited(JOB, withValue(JOB, "inputs", "n", 'a"b'))).toBe(
    JOB.replace("1.10 #", '"a\\"b" #'),
  );
  expect(withValues(JOB, "secrets", { token: "s", other: "t" })).toContain(
    'secrets:\n  token: "s"\n  other: "t"\ntasks:',
  );
});

describe("uploads are added", () => {
  test("to a file without any", () => {
    expect(edited("name: x", withValue("name: x", "uploads", "data", "1"))).toBe(
      'name: x\nuploads:\n  data: "1"\n',
    );
  });
  test("to JSON", () => {
    const json = '{"name": "x", "uploads": {"a": "1"}}';
    const made = edited(json, withValue(json, "uploads", "b", "2"));
    expect(JSON.parse(made)).toEqual({ name: "x", uploads: { a: "1", b: "2" } });
    const first = edited('{"name": "x"}', withValue('{"name": "x"}', "uploads", "b", "2"));
    expect(JSON.parse(first)).toEqual({ name: "x", uploads: { b: "2" } });
  });
  test("and to the sources of the task at the cursor", () => {
    const once = edited(JOB, withSource(JOB, JOB.indexOf("echo"), "data", "x.csv"));
    expect(once).toContain(
      "  - name: a\n    sources:\n      - upload: data\n        target: x.csv\n    run: echo\n",
    );
    const twice = edited(once, withSource(once, once.indexOf("echo"), "more", "y"));
    expect(twice).toContain("x.csv\n      - upload: more\n        target: y\n    run");
  });
});

test("secrets stay out of drafts", () => {
  const text = `secrets:
  token: hunter22
  long: |
    a
    b
tasks:
  - name: a
    registry: {username: me, password: tropical}
    env: {DB_PASSWORD: abc, OTHER: "1", MY_SECRET: "{{ secrets.token }}"}
`;
  const kept = withoutSecrets(text) ?? "";
  for (const secret of ["hunter22", "tropical", "abc", "    b"]) expect(kept).not.toContain(secret);
  expect(kept).toContain('OTHER: "1"');
  expect(kept).toContain('MY_SECRET: "{{ secrets.token }}"');
  expect(withoutSecrets("secrets: {a: 'b")).toBeUndefined();
  for (const name of ["API_TOKEN", "api-key", "PASSWD", "AWS_CREDENTIALS"]) {
    expect(withoutSecrets(`tasks: [{env: {${name}: abc}}]`)).not.toContain("abc");
    expect(withoutSecrets(`tasks: [{env: {${name}: abc`)).toBeUndefined();
  }
});

test("formatting keeps comments and spellings, or changes nothing", () => {
  expect(formatted("name:   x # c\ninputs: {n: 1.10, e: , t: on}\n")).toContain("name: x # c\n");
  expect(formatted("inputs: {n: 1.10}\n")).toContain("1.10");
  expect(formatted('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}\n');
  expect(formatted('{"a": 1.10}')).toBeUndefined();
  expect(formatted("a: [")).toBeUndefined();
});

test("a job runs again as it is stored where only values differ", () => {
  const other = JOB.replace("1.10", "2").replace('""', "abc");
  expect(changedValues(JOB, other)).toEqual({
    inputs: { n: "2" },
    secrets: { token: "abc" },
    uploads: {},
  });
  expect(changedValues(JOB, JOB.replace("echo", "true"))).toBeUndefined();
  expect(changedValues(JOB, JOB.replace("  n: 1.10 # as spelled\n", ""))).toBeUndefined();
});

test("an edit of a schedule is a merge patch", () => {
  const patch = patchBetween({ a: 1, b: { c: 1, d: 2 }, e: [1] }, { a: 1, b: { c: 3 }, e: [2] });
  expect(patch).toEqual({ b: { c: 3, d: null }, e: [2] });
  expect(patchText("a: 1\ninputs: {n: 1}\nd: x\n", "a: 1\ninputs: {n: 1.10}\n")).toBe(
    "d: null\ninputs:\n  n: 1.10\n",
  );
  expect(patchText("env: {a: {b: 1, c: 2}}\n", "env: {a: {b: 1}}\n")).toContain("c: null");
});
