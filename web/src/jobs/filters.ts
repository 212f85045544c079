// What the list of jobs shows, as the address bar and the API have it.

export const STATES = [
  "PENDING",
  "SCHEDULED",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
] as const;

export interface Filters {
  q: string;
  states: readonly string[];
  tag: string;
  name: string;
  by: string;
  since: string;
  before: string;
  order: "newest" | "oldest";
}

const TEXTS = ["q", "tag", "name", "by", "since", "before"] as const;

export const EVERYTHING: Filters = {
  q: "",
  states: [],
  tag: "",
  name: "",
  by: "",
  since: "",
  before: "",
  order: "newest",
};

/** Of the part of an address behind `?`; what it does not know is left out. */
export function parseFilters(search: string): Filters {
  const given = new URLSearchParams(search);
  const states = (given.get("state") ?? "").toUpperCase().split(",");
  return {
    ...EVERYTHING,
    ...Object.fromEntries(TEXTS.map((name) => [name, given.get(name)?.trim() ?? ""])),
    states: STATES.filter((state) => states.includes(state)),
    order: given.get("order") === "oldest" ? "oldest" : "newest",
  };
}

/** The address of the list. */
export function addressOf(filters: Filters): string {
  const given = new URLSearchParams(searchOf(filters));
  if (filters.order !== "newest") given.set("order", filters.order);
  const text = given.toString();
  return text ? `/?${text}` : "/";
}

/** Which jobs, as the API has it. */
export function searchOf(filters: Filters): Record<string, string> {
  const search: Record<string, string> = {};
  for (const name of TEXTS) if (filters[name]) search[name] = filters[name];
  if (filters.states.length) search.state = filters.states.join(",");
  return search;
}

export const isFiltered = (filters: Filters): boolean => Object.keys(searchOf(filters)).length > 0;

/** With the state chosen, or no more if it was. */
export function withState(filters: Filters, state: string): Filters {
  const states = filters.states.includes(state)
    ? filters.states.filter((one) => one !== state)
    : [...filters.states, state];
  return { ...filters, states };
}
