// The jobs that are searched for, live: rows change in place, new ones wait until they can come
// without moving what is read, and what follows is read when it is nearly in sight.
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";
import { useStream } from "../api/live";
import { type Loaded, type Source, useDelayed, useLoad, useRefresh } from "../ui/load";
import { addressOf, type Filters, searchOf } from "./filters";
import {
  belongs,
  changed,
  created,
  type Job,
  type JobEvent,
  matches,
  merged,
  placeOf,
  refreshed,
} from "./rows";
import { useRest } from "./use-rest";

const PAGE_SIZE = 50;
const STREAM = "/events?types=job,progress&every=1s";
const COUNTS_MS = 10_000;
/** So long at least between two searches for what only the server can find. */
const SEARCH_MS = 5000;
const MOST_NEW = 500;
/** At the top of the list so many rows are kept: what follows is read again when it is wanted. */
const MOST_AT_TOP = 200;

export interface Jobs {
  rows: readonly Job[];
  /** New jobs that are not shown yet. */
  newCount: number;
  showNew: () => void;
  remove: (id: string) => void;
  total: number;
  isLoaded: boolean;
  list: Loaded<unknown>;
  /** Reads what is to be there when these rows are in sight. */
  onSight: (first: number, last: number) => void;
  /** What the jobs that follow, and have not been read, come after. */
  next: string | undefined;
  /** Why they can't be read. */
  moreError: unknown;
  counts: Record<string, number> | undefined;
  /** A count of so many stands for more. */
  mostCounted: number;
}

/** `isQuiet`: nothing may move now. */
export function useJobs(filters: Filters, isQuiet: () => boolean): Jobs {
  const address = addressOf(filters);
  const { order } = filters;
  const list = useLoad(...firstOf(filters));
  const [rows, setRows] = useState<readonly Job[]>(list.data?.items ?? []);
  const [news, setNews] = useState<readonly Job[]>([]);
  const rest = useRest(address, (after, signal) => page(filters, signal, after), rows, setRows);
  const known = useRef(new Map<string, Job>());
  known.current = new Map([...rows, ...news].map((job) => [job.id, job]));
  const shownAddress = useRef(list.data ? address : "");
  const isEarly = useRef(list.data !== undefined);
  useLayoutEffect(() => {
    if (!list.data) return;
    const { items, next } = list.data;
    if (isEarly.current) {
      isEarly.current = false; // the rows are these
      rest.setNext(next);
      return;
    }
    const isAgain = shownAddress.current === address;
    shownAddress.current = address;
    if (isAgain && isQuiet() && rows.length) {
      rest.doubt();
      setRows((old) => refreshed(old, items));
      if (order === "newest") setNews(items.filter((job) => !known.current.has(job.id)));
      return;
    }
    setRows(items);
    rest.setNext(next);
    setNews([]);
  }, [list.data]);

  const showNew = useCallback(() => {
    setRows((old) => merged(news, old, order));
    setNews([]);
  }, [news, order]);
  const add = (job: Job) => {
    const last = rows.at(-1);
    const isBelow = order === "oldest" && (!last || job.createdAt > last.createdAt);
    if (isQuiet() && !isBelow) {
      setNews((old) => merged([job], old, order).slice(0, MOST_NEW));
      return;
    }
    const all = merged([job], rows, order);
    const kept = isBelow ? all : all.slice(0, Math.max(MOST_AT_TOP, PAGE_SIZE));
    if (kept.length < all.length) rest.setNext(kept.map(placeOf).at(-1));
    setRows((old) => merged([job], old, order).slice(0, kept.length));
  };

  const counts = useCounts(filters);
  const search = useDelayed(() => {
    if (order === "newest") list.reload();
    else rest.setNext(rows.map(placeOf).at(-1));
  }, SEARCH_MS);
  const apply = (event: JobEvent) => {
    counts.isStale.current = true;
    if (known.current.has(event.jobId)) {
      const update = (jobs: readonly Job[]) =>
        jobs.map((job) => (job.id === event.jobId ? changed(job, event) : job));
      setRows(update);
      setNews(update);
      return;
    }
    if (!list.data || !belongs(event, { order, rows, next: rest.next })) return;
    const isWanted = matches(event, filters);
    if (isWanted) add(created(event));
    else if (isWanted === undefined && (order === "oldest" || !isQuiet())) search();
  };
  useStream(STREAM, {
    onEvent: (_, event) => apply(event as JobEvent),
    onOpen: list.reload, // what happened since the list was read
  });
  return {
    rows,
    newCount: news.length,
    showNew,
    remove: (id) => setRows((old) => old.filter((job) => job.id !== id)),
    total: list.data?.totalItems ?? 0,
    isLoaded: list.data !== undefined && shownAddress.current === address,
    list,
    onSight: rest.onSight,
    next: rest.next,
    moreError: rest.error,
    counts: counts.counts?.states,
    mostCounted: counts.counts?.most ?? 0,
  };
}

export const firstOf = (filters: Filters): Source<Schemas["JobPage"]> => [
  addressOf(filters),
  (signal) => page(filters, signal),
];

function page(filters: Filters, signal: AbortSignal, after?: string) {
  const { order } = filters;
  const place = after ? { after, size: 2 * PAGE_SIZE } : { size: PAGE_SIZE };
  const query = { ...searchOf(filters), ...(order === "oldest" ? { order } : {}), ...place };
  return data(api.GET("/jobs", { params: { query }, signal }));
}

function useCounts(filters: Filters) {
  const search: Record<string, string> = { ...searchOf(filters) };
  delete search.state;
  const counts = useLoad(JSON.stringify(search), (signal) =>
    data(api.GET("/jobs/counts", { params: { query: search }, signal })),
  );
  const isStale = useRef(false);
  useRefresh(() => {
    if (isStale.current) counts.reload();
    isStale.current = false;
  }, COUNTS_MS);
  return { counts: counts.data, isStale };
}
