// What the editor begins with: an example, what another job was, a schedule to edit, or nothing.
import { send } from "../api/client";

export type Source =
  | { kind: "new" }
  | { kind: "example"; name: string }
  | { kind: "job"; id: string }
  | { kind: "schedule"; id: string }
  | { kind: "template"; id: string };

export interface Begin {
  text: string;
  /** Of the schedule that is edited. */
  etag?: string;
}

const EMPTY = `name: my job
tasks:
  - name: hello
    run: echo hello
`;

export function sourceOf(query: Record<string, string>): Source {
  const { from, schedule, template, example } = query;
  if (from) return { kind: "job", id: from };
  if (schedule) return { kind: "schedule", id: schedule };
  if (template) return { kind: "template", id: template };
  return example ? { kind: "example", name: example } : { kind: "new" };
}

/** One for each draft: who signs in next in this browser has drafts of their own. */
export function keyOfDraft(holder: string, source: Source): string {
  if (source.kind === "new") return `${holder} new`;
  return `${holder} ${source.kind} ${source.kind === "example" ? source.name : source.id}`;
}

/** Throws ApiError. */
export async function begin(source: Source, signal: AbortSignal): Promise<Begin> {
  switch (source.kind) {
    case "new":
      return { text: EMPTY };
    case "example":
      return { text: await exampleText(source.name, signal) };
    case "job":
      return definition(`/jobs/${encodeURIComponent(source.id)}/definition`, signal);
    case "template": {
      const [name = "", version = "latest"] = source.id.split("@").map(encodeURIComponent);
      return definition(`/templates/${name}/versions/${version}/definition`, signal);
    }
    case "schedule":
      return definition(`/scheduled-jobs/${encodeURIComponent(source.id)}/definition`, signal);
  }
}

export interface Example {
  name: string;
  description: string;
  scheduled?: boolean;
}

export async function examples(signal: AbortSignal): Promise<Example[]> {
  return (await (await send("/examples", { signal })).json()) as Example[];
}

export async function exampleText(name: string, signal?: AbortSignal): Promise<string> {
  const answer = await send(`/examples/${encodeURIComponent(name)}`, { signal });
  const { text } = (await answer.json()) as { text: string };
  return text.replace(/^# yaml-language-server:.*\n/m, "");
}

async function definition(path: string, signal: AbortSignal): Promise<Begin> {
  const answer = await send(`${path}?format=yaml`, { signal });
  return { text: await answer.text(), etag: answer.headers.get("ETag") ?? undefined };
}
