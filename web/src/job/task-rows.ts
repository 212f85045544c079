// Rows of a job's tasks: a page of them with counts, and windows of very many.
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";
import { type Loaded, type Source, useLoad } from "../ui/load";
import { Settling } from "../ui/settling";

export type Row = Schemas["TaskRow"];

export interface Asked {
  jobId: string;
  /** `top`, or the task whose children they are. */
  parent: string;
  state: string;
  q: string;
  /** "" for any. */
  index: string;
  order: "position" | "failed-first" | "newest";
}

export const PAGE_SIZE = 100;
const MOST_PAGES = 12;
/** So many rows before those in sight and after them are read with them. */
const AHEAD = 40;

function read(asked: Asked, page: number, counts: boolean, signal: AbortSignal) {
  const { jobId, index, state, ...rest } = asked;
  const query = {
    ...rest,
    state,
    counts,
    page,
    size: PAGE_SIZE,
    ...(/^\d{1,9}$/.test(index) ? { index: Number(index) } : {}),
  };
  return data(api.GET("/jobs/{id}/tasks", { params: { path: { id: jobId }, query }, signal }));
}

/** The first page, with the counts. */
export const familyOf = (asked: Asked): Source<Schemas["TaskPage"]> => [
  JSON.stringify(asked),
  (signal) => read(asked, 1, true, signal),
];

/** As `familyOf`; read anew when `changes` rises. */
export function useFamily(asked: Asked, changes: number): Loaded<Schemas["TaskPage"]> {
  const found = useLoad(...familyOf(asked));
  const seen = useRef(changes);
  useEffect(() => {
    if (seen.current !== changes) found.reload();
    seen.current = changes;
  }, [changes]);
  return found;
}

interface Page {
  rows: readonly Row[];
  /** The changes it was read after. */
  changes: number;
}

/** The rows from `first` to `last`, of which `begin` are the first: what stays in sight and is not
 * there yet is read, what has changed read anew, and what is far away forgotten. */
export function useRows(
  asked: Asked,
  total: number,
  first: number,
  last: number,
  changes: number,
  begin: readonly Row[],
): (index: number) => Row | undefined {
  const key = JSON.stringify(asked);
  const [, render] = useReducer<number, void>((n) => n + 1, 0);
  const kept = useRef({ key, pages: new Map<number, Page>() });
  if (kept.current.key !== key) kept.current = { key, pages: new Map() };
  const reading = useRef(new Set<number>());
  const from = Math.floor(Math.max(first - AHEAD, begin.length) / PAGE_SIZE);
  const to = Math.floor(Math.min(last + AHEAD, total - 1) / PAGE_SIZE);
  const abort = useRef(new AbortController());
  useEffect(() => {
    abort.current = new AbortController();
    reading.current = new Set();
    return () => abort.current.abort();
  }, [key]);
  const readPage = (page: number) => {
    const { pages } = kept.current;
    if (reading.current.has(page) || pages.get(page)?.changes === changes) return;
    reading.current.add(page);
    read(asked, page + 1, false, abort.current.signal)
      .then(({ items }) => {
        pages.set(page, { rows: items, changes });
        forgetFar(pages, page);
        render();
      })
      .catch(() => undefined) // it is asked for again with the next change or scroll
      .finally(() => reading.current.delete(page));
  };
  const settling = useRef(new Settling());
  // Not after the browser has painted: for that Preact asks for a frame of its own with each scroll.
  useLayoutEffect(() => {
    settling.current.run(() => {
      for (let page = from; page <= to; page += 1) readPage(page);
    });
  }, [key, from, to, changes]);
  useLayoutEffect(() => () => settling.current.stop(), []);
  return (index) =>
    begin[index] ?? kept.current.pages.get(Math.floor(index / PAGE_SIZE))?.rows[index % PAGE_SIZE];
}

function forgetFar(pages: Map<number, Page>, near: number): void {
  while (pages.size > MOST_PAGES) {
    const far = [...pages.keys()].reduce((a, b) =>
      Math.abs(b - near) > Math.abs(a - near) ? b : a,
    );
    pages.delete(far);
  }
}
