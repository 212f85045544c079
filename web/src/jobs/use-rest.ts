// What follows the first jobs of the list: read as it comes in sight, and again after an interruption.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Job, placeOf, refreshed } from "./rows";

/** So many rows before the end the next are read. */
const AHEAD = 30;
/** So many are kept; a link goes on from there. */
export const MOST_ROWS = 10_000;

interface JobsPage {
  items: readonly Job[];
  next?: string;
}

export interface Rest {
  /** What the jobs that follow come after; undefined at the end of the list. */
  next: string | undefined;
  setNext: (next: string | undefined) => void;
  error: unknown;
  /** Rows may have changed unnoticed: each is read again when it is in sight. */
  doubt: () => void;
  onSight: (first: number, last: number) => void;
}

type Read = (after: string, signal: AbortSignal) => Promise<JobsPage>;
type SetRows = (change: (rows: readonly Job[]) => readonly Job[]) => void;

export function useRest(key: string, read: Read, rows: readonly Job[], setRows: SetRows): Rest {
  const [next, setNext] = useState<string>();
  const [error, setError] = useState<unknown>();
  const doubtful = useRef(new WeakSet<Job>());
  const reading = useRef<AbortController>(undefined);
  useLayoutEffect(() => {
    setNext(undefined);
    setError(undefined);
    return () => {
      reading.current?.abort();
      reading.current = undefined;
    };
  }, [key]);

  const take = async (after: string, use: (page: JobsPage) => void) => {
    if (reading.current) return;
    const abort = new AbortController();
    reading.current = abort;
    try {
      use(await read(after, abort.signal));
      setError(undefined);
    } catch (failure) {
      if (!abort.signal.aborted) setError(failure); // the next scroll or retry asks again
    } finally {
      if (reading.current === abort) reading.current = undefined;
    }
  };
  const goOn = (after: string) =>
    take(after, (page) => {
      setRows((old) => {
        const ids = new Set(old.map((job) => job.id));
        return [...old, ...page.items.filter((job) => !ids.has(job.id))];
      });
      setNext(page.next);
    });
  const check = (before: Job, seen: readonly Job[]) =>
    take(placeOf(before), (page) => {
      for (const job of seen) doubtful.current.delete(job);
      setRows((old) => refreshed(old, page.items));
    });
  return {
    next,
    setNext,
    error,
    doubt: () => {
      doubtful.current = new WeakSet(rows);
    },
    onSight: (first, last) => {
      if (next && last >= rows.length - AHEAD && rows.length < MOST_ROWS) void goOn(next);
      const seen = rows.slice(first, last + 1);
      const before = rows[first - 1];
      if (before && seen.some((job) => doubtful.current.has(job))) void check(before, seen);
    },
  };
}
