// The search in a log: the server finds the lines, the page marks what is in them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, data } from "../api/client";
import type { Source } from "./lines";
import { firstFrom, isQuick, markedIn, pattern, type Search } from "./search";

const TYPING_MS = 120;
const MOST = 10_000;

export interface Found {
  search: Search;
  change: (search: Partial<Search>) => void;
  /** The numbers of the lines, rising. */
  numbers: readonly number[];
  hasMore: boolean;
  isSearching: boolean;
  error: unknown;
  /** Which of `numbers` is looked at; -1: none. */
  at: number;
  step: (by: 1 | -1) => void;
  /** Lines that have come since: those that match are found too. */
  add: (numbers: readonly number[], textOf: (number: number) => string | undefined) => void;
  /** What to mark in a line. */
  patternIn: (number: number, text: string | undefined) => RegExp | undefined;
}

interface State {
  numbers: readonly number[];
  hasMore: boolean;
  at: number;
  error: unknown;
}

const NOTHING: State = { numbers: [], hasMore: false, at: -1, error: undefined };

export function useSearch(
  source: Source,
  topLine: () => number,
  show: (line: number) => void,
): Found {
  const [search, setSearch] = useState<Search>({ text: "", isRegex: false, mindsCase: false });
  const [state, setState] = useState(NOTHING);
  const [isSearching, setSearching] = useState(false);
  const calls = useRef({ topLine, show });
  calls.current = { topLine, show };
  const { text, isRegex, mindsCase } = search;
  const { jobId, taskId } = source;
  useEffect(() => {
    if (!text) {
      setState(NOTHING);
      setSearching(false);
      return;
    }
    const abort = new AbortController();
    setSearching(true);
    const timer = setTimeout(async () => {
      try {
        const found = await matches({ jobId, taskId }, { text, isRegex, mindsCase }, abort.signal);
        const at = found.numbers.length ? firstFrom(found.numbers, calls.current.topLine()) : -1;
        setState({ numbers: found.numbers, hasMore: found.more, at, error: undefined });
        if (at >= 0) calls.current.show(found.numbers[at] as number);
      } catch (error) {
        if (abort.signal.aborted) return;
        setState({ ...NOTHING, error });
      }
      setSearching(false);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [jobId, taskId, text, isRegex, mindsCase]);
  const compiled = useMemo(() => pattern(search), [text, isRegex, mindsCase]);
  const listed = useMemo(() => new Set(state.numbers), [state.numbers]);
  return {
    search,
    change: (more) => setSearch((old) => ({ ...old, ...more })),
    ...state,
    isSearching,
    patternIn: (number, text) => {
      if (!isRegex || !compiled || text === undefined) return compiled;
      return listed.has(number) ? markedIn(search, compiled, text) : undefined;
    },
    step: (by) => {
      const size = state.numbers.length;
      if (!size) return;
      const at = (state.at + by + size) % size;
      setState({ ...state, at });
      show(state.numbers[at] as number);
    },
    add: (numbers, textOf) => {
      if (!compiled || state.hasMore) return;
      const more = numbers.filter((number) => {
        const line = textOf(number) ?? "";
        return isQuick(search, line) && line.match(compiled);
      });
      if (more.length) setState((old) => ({ ...old, numbers: [...old.numbers, ...more] }));
    },
  };
}

function matches({ jobId, taskId }: Source, search: Search, signal: AbortSignal) {
  const query = { q: search.text, regex: search.isRegex, case: search.mindsCase, size: MOST };
  return taskId
    ? data(api.GET("/tasks/{id}/log/matches", { params: { path: { id: taskId }, query }, signal }))
    : data(api.GET("/jobs/{id}/log/matches", { params: { path: { id: jobId }, query }, signal }));
}
