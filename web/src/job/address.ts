// The addresses of a job: its tabs, one of its tasks, the children of one.

export const TABS = [
  ["tasks", "Tasks"],
  ["timeline", "Timeline"],
  ["graph", "Graph"],
  ["log", "Log"],
  ["data", "Data"],
  ["files", "Files"],
  ["provenance", "Provenance"],
  ["webhooks", "Webhooks"],
  ["definition", "Definition"],
  ["versions", "Versions"],
] as const;

export type TabName = (typeof TABS)[number][0];

export interface Query {
  tab?: TabName | undefined;
  task?: string | undefined;
  /** The task whose children are listed. */
  parent?: string | undefined;
  state?: string | undefined;
  q?: string | undefined;
  index?: string | undefined;
  order?: string | undefined;
  /** A directory of the files. */
  path?: string | undefined;
  /** How many parts of `path` are the artifact that it is in. */
  depth?: string | undefined;
  page?: string | undefined;
  version?: string | undefined;
}

export function jobHref(id: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value) as [string, string][];
  const text = new URLSearchParams(given).toString();
  return `/ui/jobs/${encodeURIComponent(id)}${text && `?${text}`}`;
}

/** The tab of an address; the first where it names none. */
export function tabOf(query: Record<string, string>): TabName {
  return TABS.find(([name]) => name === query.tab)?.[0] ?? "tasks";
}
