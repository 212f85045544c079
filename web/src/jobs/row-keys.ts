// The keys of the list: j and k or the arrows go from row to row, x selects, / searches.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Job } from "./rows";
import type { Selection } from "./use-selection";

export const KEYS = [
  ["j, ↓", "next job"],
  ["k, ↑", "previous job"],
  ["Enter", "open the job"],
  ["x", "select the job; with Shift all up to it"],
  ["/", "search"],
  ["Esc", "clear the selection, leave the search"],
] as const;

export function useRowKeys(
  jobs: readonly Job[],
  selection: Selection,
  mayAct: boolean,
  scrollTo: (index: number) => void,
): void {
  const newest = useRef({ jobs, selection, mayAct, scrollTo });
  newest.current = { jobs, selection, mayAct, scrollTo };
  // At once: whoever sees the rows may press a key.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { jobs, selection, mayAct, scrollTo } = newest.current;
      if (isTyping(event.target)) {
        if (event.key === "Escape") (event.target as HTMLElement).blur();
        return;
      }
      if (handled(event, jobs, selection, mayAct, scrollTo)) event.preventDefault();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

function handled(
  event: KeyboardEvent,
  jobs: readonly Job[],
  selection: Selection,
  mayAct: boolean,
  scrollTo: (index: number) => void,
): boolean {
  const id = currentId();
  switch (event.key) {
    case "j":
    case "ArrowDown":
      return move(jobs, id, 1, event.key === "j", scrollTo);
    case "k":
    case "ArrowUp":
      return move(jobs, id, -1, event.key === "k", scrollTo);
    case "x":
    case "X":
      if (!id || !mayAct) return false;
      selection.toggle(id, event.shiftKey);
      return true;
    case "/":
      document.getElementById("jobs-search")?.focus();
      return true;
    case "Escape":
      selection.clear();
      return false;
    default:
      return false;
  }
}

/** The row that has the focus. Arrows scroll the page as long as none has. */
const currentId = (): string | undefined =>
  document.activeElement?.closest<HTMLElement>(".jobs-row")?.dataset.id;

function move(
  jobs: readonly Job[],
  id: string | undefined,
  step: number,
  mayBegin: boolean,
  scrollTo: (index: number) => void,
): boolean {
  if (!id && !mayBegin) return false;
  const place = id ? jobs.findIndex((job) => job.id === id) + step : 0;
  const index = Math.min(Math.max(place, 0), jobs.length - 1);
  const next = jobs[index];
  if (!next) return false;
  const row = document.querySelector(`.jobs-row[data-id="${CSS.escape(next.id)}"]`);
  if (row) row.querySelector<HTMLElement>(".jobs-link")?.focus();
  else scrollTo(index); // the next press finds it
  return true;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("select, textarea, input:not([type=checkbox])"));
