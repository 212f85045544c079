// From what is in the form to what is sent, and which field a refusal is about.
import type { BrokenRule, Schemas } from "../api/client";
import type { Endpoint } from "./health";

export const EVENTS = [
  { name: "job.StateChange", about: "a job starts, ends or waits" },
  { name: "job.Progress", about: "a job gets on" },
  { name: "job.PhaseChange", about: "a job of ByteNite enters a phase" },
  { name: "task.StateChange", about: "a task starts or ends" },
  { name: "task.Progress", about: "a task reports progress" },
  { name: "schedule.Fired", about: "a schedule creates a job" },
  { name: "schedule.Skipped", about: "a schedule leaves out a run" },
  { name: "endpoint.Failing", about: "another endpoint fails" },
  { name: "endpoint.Disabled", about: "another endpoint is disabled" },
] as const;

/** One header; `isKept` for one that is stored: its value is not shown, and empty it stays. */
export interface HeaderRow {
  name: string;
  value: string;
  isKept: boolean;
}

export interface FormValues {
  description: string;
  url: string;
  events: string[];
  filter: string;
  tags: string;
  headers: HeaderRow[];
  format: string;
  payload: string;
  ratePerSecond: string;
  retryOn: string;
  ordered: boolean;
  secret: string;
}

export function valuesOf(endpoint: Endpoint | undefined): FormValues {
  return {
    description: endpoint?.description ?? "",
    url: "",
    events: endpoint ? [...endpoint.events] : ["job.StateChange"],
    filter: endpoint?.filter ?? "",
    tags: endpoint?.tags?.join(", ") ?? "",
    headers: Object.keys(endpoint?.headers ?? {}).map((name) => ({
      name,
      value: "",
      isKept: true,
    })),
    format: endpoint?.format ?? "standard",
    payload: endpoint?.payload ?? "full",
    ratePerSecond: endpoint?.ratePerSecond?.toString() ?? "",
    retryOn: endpoint?.retryOn?.join(", ") ?? "",
    ordered: endpoint?.ordered ?? false,
    secret: "",
  };
}

/** The body of `POST /webhooks`: without what is empty. Rules are the API's to check. */
export function creation(values: FormValues): Schemas["EndpointSpec"] {
  const { secret, url } = values;
  const given = { ...fields(values), url: url.trim(), headers: newHeaders(values.headers), secret };
  return withoutEmpty(given) as unknown as Schemas["EndpointSpec"];
}

/** The body of `PATCH /webhooks/{id}`: what is empty is reset; URL and headers stay unless given. */
export function changes(values: FormValues, before: Endpoint): Schemas["EndpointChanges"] {
  const gone = Object.keys(before.headers ?? {}).filter(
    (name) => !values.headers.some((row) => row.isKept && row.name === name),
  );
  const headers = {
    ...Object.fromEntries(gone.map((name) => [name, null])),
    ...newHeaders(values.headers),
  };
  const url = values.url.trim();
  const given = Object.entries(fields(values)).map(([name, value]) => [
    name,
    isEmpty(value) && name !== "events" ? null : value,
  ]);
  return {
    ...Object.fromEntries(given),
    ...(url && { url }),
    ...(Object.keys(headers).length && { headers }),
  } as Schemas["EndpointChanges"];
}

function fields(values: FormValues) {
  return {
    description: values.description.trim(),
    events: values.events,
    filter: values.filter.trim(),
    tags: listed(values.tags),
    format: values.format,
    payload: values.payload,
    ratePerSecond: numberOrText(values.ratePerSecond),
    retryOn: listed(values.retryOn).map(numberOrText),
    ordered: values.ordered,
  };
}

const newHeaders = (rows: readonly HeaderRow[]) =>
  Object.fromEntries(
    rows.filter((row) => row.name.trim() && row.value).map((row) => [row.name.trim(), row.value]),
  );

const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

/** What is no number is sent as it is: the API says what is wrong with it. */
const numberOrText = (text: string): number | string => {
  const trimmed = text.trim();
  return trimmed && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
};

const isEmpty = (value: unknown): boolean =>
  value === "" ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

const withoutEmpty = (given: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)));

/** What the API says is wrong with a field. */
export function ruleOf(errors: readonly BrokenRule[], field: string): string | undefined {
  const found = errors.find(
    ({ field: named }) =>
      named === field || named?.startsWith(`${field}[`) || named?.startsWith(`${field}.`),
  );
  return found?.rule;
}
