// Which rows are selected: one by one, as a range, all of the page.
import { useMemo, useState } from "preact/hooks";
import { between, type Job } from "./rows";

export interface Selection {
  ids: ReadonlySet<string>;
  /** `isRange`: all from the last one that was chosen. */
  toggle: (id: string, isRange: boolean) => void;
  all: (isOn: boolean) => void;
  clear: () => void;
}

export function useSelection(jobs: readonly Job[]): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState<string>();
  return useMemo(() => selectionOf(jobs, chosen, setChosen, last, setLast), [jobs, chosen, last]);
}

function selectionOf(
  jobs: readonly Job[],
  chosen: ReadonlySet<string>,
  setChosen: (ids: ReadonlySet<string>) => void,
  last: string | undefined,
  setLast: (id: string) => void,
): Selection {
  const there = jobs.map((job) => job.id);
  const ids = new Set(there.filter((id) => chosen.has(id)));
  const toggle = (id: string, isRange: boolean) => {
    const isOn = !ids.has(id);
    const next = new Set(ids);
    for (const one of isRange && last ? between(there, last, id) : [id])
      if (isOn) next.add(one);
      else next.delete(one);
    setChosen(next);
    setLast(id);
  };
  return {
    ids,
    toggle,
    all: (isOn) => setChosen(new Set(isOn ? there : [])),
    clear: () => setChosen(new Set()),
  };
}
