// Sending what is in the editor: checked only, or for good.
import { isMap, parseDocument } from "yaml";
import { send } from "../api/client";
import { changedValues, patchText } from "./changes";
import { HIDDEN, isJson, valuesOf, withValues } from "./edits";
import { parsed } from "./parsed";
import { keyOf } from "./position";
import type { Warned } from "./problems";
import type { Source } from "./source";

export interface DryRun {
  name: string;
  taskCount: number;
  nextAt?: string;
  warnings?: Warned[];
}

/** A job file, and the secrets that are typed beside it. */
export interface Work {
  source: Source;
  /** As it was loaded. */
  before: string;
  etag?: string;
  text: string;
  secrets: Record<string, string>;
}

export interface Sent {
  /** The page of what was made. */
  href: string;
  name: string;
}

/** How a job file goes to the server. */
export interface Plan {
  method: "POST" | "PATCH";
  path: string;
  body: string;
  type: string;
  headers?: Record<string, string>;
  /** The job or schedule keeps the secrets that are not given anew. */
  keepsSecrets: boolean;
}

export const isScheduled = (text: string): boolean => topFields(text).includes("schedule");

export const isTemplate = (text: string): boolean => topFields(text).includes("template");

const pathOf = (text: string): string =>
  isTemplate(text) ? "/templates" : isScheduled(text) ? "/scheduled-jobs" : "/jobs";

/** Bacalhau's job files have other fields. Its templates are pushed as all are. */
export function isBacalhau(text: string): boolean {
  const fields = topFields(text);
  if (fields.includes("template")) return false;
  return fields.includes("Tasks") || fields.includes("Job");
}

/** Throws ApiError. */
export async function dryRun(work: Work, signal: AbortSignal): Promise<DryRun> {
  const path = pathOf(work.text);
  const body = withValues(work.text, "secrets", work.secrets);
  const answer = await send(`${path}?dryRun=true`, {
    method: "POST",
    body,
    headers: { "Content-Type": typeOf(body) },
    signal,
  });
  const found = (await answer.json()) as DryRun;
  if (work.source.kind !== "schedule") return found;
  // What is hidden stays as it is where it is sent back.
  return { ...found, warnings: found.warnings?.filter((w) => !w.message.includes(HIDDEN)) };
}

/** Throws ApiError. The same `key` makes the same job. */
export async function submit(work: Work, key: string): Promise<Sent> {
  const { method, path, body, type, headers } = planOf(work);
  const answer = await send(path, {
    method,
    body,
    headers: { "Content-Type": type, "Idempotency-Key": key, ...headers },
  });
  const made = (await answer.json()) as { id: string; name: string };
  if (path === "/templates") return { href: `/ui/templates/${made.name}`, name: made.name };
  const place = path.startsWith("/scheduled-jobs") ? "/ui/schedules/" : "/ui/jobs/";
  return { href: place + made.id, name: made.name };
}

export function planOf(work: Work): Plan {
  const { source, before, text, secrets } = work;
  const given = withValues(text, "secrets", secrets);
  if (source.kind === "schedule") {
    const body = patchText(before, given);
    const headers = work.etag ? { "If-Match": work.etag } : undefined;
    const path = `/scheduled-jobs/${encodeURIComponent(source.id)}`;
    return { method: "PATCH", path, body, type: YAML, headers, keepsSecrets: true };
  }
  const changed =
    source.kind === "job" && !isTemplate(text) ? changedValues(before, given) : undefined;
  if (source.kind === "job" && changed) {
    const path = `/jobs/${encodeURIComponent(source.id)}/run-again`;
    return {
      method: "POST",
      path,
      body: JSON.stringify(changed),
      type: JSON_TYPE,
      keepsSecrets: true,
    };
  }
  const path = pathOf(text);
  const body = withoutWait(given);
  return { method: "POST", path, body, type: typeOf(body), keepsSecrets: false };
}

/** Names of secrets that have no value in the text nor beside it. */
export function missingSecrets(work: Work): string[] {
  return valuesOf(work.text, "secrets")
    .filter(({ name, text }) => (text === "" || text === HIDDEN) && !work.secrets[name])
    .map(({ name }) => name);
}

const YAML = "application/yaml";
const JSON_TYPE = "application/json";

const typeOf = (text: string) => (isStrictJson(text) ? JSON_TYPE : YAML);

function isStrictJson(text: string): boolean {
  if (!isJson(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // YAML in braces
  }
}

/** The page shows the job while it runs: it does not wait for the answer at its end. */
function withoutWait(text: string): string {
  if (!topFields(text).includes("wait")) return text;
  const doc = parseDocument(text);
  doc.delete("wait");
  return doc.toString({ lineWidth: 0 });
}

function topFields(text: string): string[] {
  const { contents } = parsed(text);
  return isMap(contents) ? contents.items.map(keyOf) : [];
}
