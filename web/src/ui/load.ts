// Loads something, keeps what was there until the new is, and tries again after failures.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { isSignedIn } from "../api/session";

export interface Loaded<T> {
  data: T | undefined;
  /** Of the last attempt. */
  error: unknown;
  isLoading: boolean;
  reload: () => void;
}

type Load<T> = (signal: AbortSignal) => Promise<T>;

/** What `useLoad` takes. */
export type Source<T> = readonly [key: string, load: Load<T>];

const RETRY_MS = 5000;
/** What was asked for early is no older when it is taken. */
const FRESH_MS = 5000;

interface Early<T> {
  reading: Promise<T>;
  data?: T;
  at: number;
}

const early = new Map<string, Early<unknown>>();

/** Asks for what the first components will load, before they are there. Resolves when it has come,
 * or won't: then it is loaded as ever. */
export async function readEarly<T>([key, load]: Source<T>): Promise<void> {
  const asked: Early<T> = { reading: load(new AbortController().signal), at: performance.now() };
  early.set(key, asked);
  try {
    asked.data = await asked.reading;
  } catch {
    early.delete(key);
  }
}

/** What was read early, once, if it is still fresh. */
export const earlyOf = <T>(key: string): Promise<T> | undefined => takeEarly<T>(key)?.reading;

function takeEarly<T>(key: string): Early<T> | undefined {
  const asked = early.get(key);
  early.delete(key);
  return asked && performance.now() - asked.at < FRESH_MS ? (asked as Early<T>) : undefined;
}

/** `load` runs when `key` changes and on `reload`; what another key brought is not shown. While
 * nobody is signed in it waits. */
export function useLoad<T>(key: string, load: Load<T>): Loaded<T> {
  const asked = useRef(useMemo(() => takeEarly<T>(key), []));
  const [state, setState] = useState<State<T>>({ key, data: asked.current?.data });
  const [isLoading, setLoading] = useState(state.data === undefined);
  const [round, setRound] = useState(0);
  const newest = useRef(load);
  newest.current = load;
  const isReading = useRef(false);
  const isStale = useRef(false);
  const isIn = isSignedIn.value;
  // Before the browser paints: no request waits for a frame.
  useLayoutEffect(() => {
    const before = asked.current;
    asked.current = undefined;
    if (!isIn || before?.data !== undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setLoading(true);
    isReading.current = true;
    isStale.current = false;
    (before?.reading ?? newest.current(abort.signal))
      .then((data) => ({ key, data }))
      .catch((error: unknown) => {
        if (!abort.signal.aborted && isPassing(error))
          timer = setTimeout(() => setRound((n) => n + 1), RETRY_MS);
        return { key, error };
      })
      .then((next) => {
        if (abort.signal.aborted) return;
        isReading.current = false;
        setState((old) => ("error" in next && old.key === key ? { ...old, ...next } : next));
        setLoading(false);
        if (isStale.current) setRound((n) => n + 1);
      });
    return () => {
      isReading.current = false;
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, round, isIn]);
  const reload = useCallback(() => {
    // What is on its way may be older than what it is read again for, but it is shown first.
    if (isReading.current) isStale.current = true;
    else setRound((n) => n + 1);
  }, []);
  const isOfKey = state.key === key;
  return {
    data: isOfKey ? state.data : undefined,
    error: isOfKey ? state.error : undefined,
    isLoading,
    reload,
  };
}

interface State<T> {
  key: string;
  data?: T | undefined;
  error?: unknown;
}

const isPassing = (error: unknown) =>
  error instanceof ApiError && (error.status === 0 || error.status === 503);

/** Calls `refresh` every so often while the page can be seen, and when it is seen again. */
export function useRefresh(refresh: () => void, everyMs: number): void {
  const newest = useRef(refresh);
  newest.current = refresh;
  useEffect(() => {
    const look = () => {
      if (!document.hidden && isSignedIn.value) newest.current();
    };
    const timer = setInterval(look, everyMs);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [everyMs]);
}

/** Calls `act` so long after it is asked for; what is asked for in between is the same call. */
export function useDelayed(act: () => void, afterMs: number): () => void {
  const newest = useRef(act);
  newest.current = act;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      newest.current();
    }, afterMs);
  }, [afterMs]);
}
