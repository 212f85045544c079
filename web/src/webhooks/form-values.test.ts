import { expect, test } from "vitest";
import { changes, creation, ruleOf, valuesOf } from "./form-values";
import { type Endpoint, health, nameOf } from "./health";

const ENDPOINT: Endpoint = {
  id: "e1",
  description: "failed jobs",
  url: "https://chat.example/[REDACTED]",
  events: ["job.StateChange"],
  filter: "job.state == 'FAILED'",
  tags: ["a", "b"],
  headers: { Authorization: "[REDACTED]", "X-Team": "[REDACTED]" },
  format: "standard",
  payload: "thin",
  ratePerSecond: 2.5,
  retryOn: [404],
  ordered: true,
  disabled: false,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
};

test("a creation sends what was filled in and nothing else", () => {
  const values = { ...valuesOf(undefined), url: " https://chat.example/x " };
  expect(creation(values)).toEqual({
    url: "https://chat.example/x",
    events: ["job.StateChange"],
    format: "standard",
    payload: "full",
    ordered: false,
  });
  const more = { ...values, tags: "a, b,", retryOn: "404, x", ratePerSecond: "2.5" };
  expect(creation(more)).toMatchObject({
    tags: ["a", "b"],
    retryOn: [404, "x"],
    ratePerSecond: 2.5,
  });
});

test("a form that is saved as it is changes nothing", () => {
  expect(changes(valuesOf(ENDPOINT), ENDPOINT)).toEqual({
    description: "failed jobs",
    events: ["job.StateChange"],
    filter: "job.state == 'FAILED'",
    tags: ["a", "b"],
    format: "standard",
    payload: "thin",
    ratePerSecond: 2.5,
    retryOn: [404],
    ordered: true,
  });
});

test("what is emptied is reset, and headers are kept, replaced and taken away", () => {
  const values = valuesOf(ENDPOINT);
  const [first] = values.headers;
  const sent = changes(
    {
      ...values,
      filter: "",
      tags: " ",
      ratePerSecond: "",
      url: "https://new.example",
      headers: [...(first ? [first] : []), { name: "X-New", value: "1", isKept: false }],
    },
    ENDPOINT,
  );
  expect(sent).toMatchObject({ filter: null, tags: null, ratePerSecond: null });
  expect(sent).toMatchObject({ url: "https://new.example" });
  expect(sent.headers).toEqual({ "X-Team": null, "X-New": "1" });
});

test("a refusal is shown at its field", () => {
  const errors = [
    { field: "events[0]", rule: "is unknown" },
    { field: "url", rule: "is required" },
  ];
  expect(ruleOf(errors, "events")).toBe("is unknown");
  expect(ruleOf(errors, "filter")).toBeUndefined();
});

test("the health of an endpoint is a word", () => {
  const last = (state: "PENDING" | "DELIVERED" | "FAILED") => ({ id: "d", state, createdAt: "" });
  const word = (more: Partial<Endpoint>) => health({ ...ENDPOINT, ...more }).word;
  expect(word({})).toBe("Nothing sent yet");
  expect(word({ lastDelivery: last("DELIVERED") })).toBe("Working");
  expect(word({ lastDelivery: last("FAILED") })).toBe("Last one given up");
  expect(word({ lastDelivery: last("DELIVERED"), failingSince: "x" })).toBe("Failing");
  expect(word({ failingSince: "x", disabled: true })).toBe("Disabled");
  expect(nameOf({ ...ENDPOINT, description: undefined })).toBe("chat.example");
});
