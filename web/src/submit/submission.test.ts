import { expect, test } from "vitest";
import { keyOfDraft, sourceOf } from "./source";
import { isBacalhau, missingSecrets, planOf, type Work } from "./submission";

const JOB = 'name: x\ninputs:\n  n: 1.10\nsecrets:\n  token: ""\ntasks:\n  - name: a\n    run: b\n';
const NEW: Work = { source: { kind: "new" }, before: JOB, text: JOB, secrets: {} };
const AGAIN: Work = { ...NEW, source: { kind: "job", id: "j1" } };

test("a new job goes as it is written, with the secrets that were typed beside it", () => {
  const plan = planOf({ ...NEW, secrets: { token: "abc" } });
  expect(plan).toMatchObject({ path: "/jobs", type: "application/yaml", keepsSecrets: false });
  expect(plan.body).toBe(JOB.replace('""', '"abc"'));
  expect(planOf({ ...NEW, text: `${JOB}schedule: {cron: x}\n` }).path).toBe("/scheduled-jobs");
  expect(planOf({ ...NEW, text: '{"name": "x"}' }).type).toBe("application/json");
  expect(planOf({ ...NEW, text: `wait: {timeout: 1m}\n${JOB}` }).body).not.toContain("wait");
});

test("a job whose values alone differ runs again with its secrets", () => {
  const plan = planOf({ ...AGAIN, text: JOB.replace("1.10", "2.0") });
  expect(plan).toMatchObject({ path: "/jobs/j1/run-again", keepsSecrets: true });
  expect(JSON.parse(plan.body)).toEqual({ inputs: { n: "2.0" }, secrets: {}, uploads: {} });
  const other = planOf({ ...AGAIN, text: JOB.replace("run: b", "run: c") });
  expect(other).toMatchObject({ path: "/jobs", keepsSecrets: false });
});

test("a schedule is edited by what differs, if it is still the version that was opened", () => {
  const before = `${JOB}schedule: {cron: a}\n`;
  const source = { kind: "schedule", id: "s1" } as const;
  const text = before.replace("cron: a", "cron: b");
  expect(planOf({ source, before, text, secrets: {}, etag: '"3"' })).toEqual({
    method: "PATCH",
    path: "/scheduled-jobs/s1",
    body: "schedule:\n  cron: b\n",
    type: "application/yaml",
    headers: { "If-Match": '"3"' },
    keepsSecrets: true,
  });
});

test("secrets without a value are known, and job files of Bacalhau", () => {
  expect(missingSecrets(NEW)).toEqual(["token"]);
  expect(missingSecrets({ ...NEW, secrets: { token: "x" } })).toEqual([]);
  expect(isBacalhau("Name: x\nTasks: []\n")).toBe(true);
  expect(isBacalhau(JOB)).toBe(false);
  expect(isBacalhau("template: {name: x}\nName: x\nTasks: []\n")).toBe(false);
});

test("an address says what the editor begins with, and each beginning has a draft of its own", () => {
  const keys = [{}, { example: "hello" }, { from: "j1" }, { schedule: "s1" }].map((query) =>
    keyOfDraft("ann", sourceOf(query as Record<string, string>)),
  );
  expect(keys).toEqual(["ann new", "ann example hello", "ann job j1", "ann schedule s1"]);
  expect(keys).not.toContain(keyOfDraft("bob", { kind: "new" }));
});
