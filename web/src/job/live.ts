// Follows one job: calmly, however fast it runs.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { useStream } from "../api/live";
import { announce } from "../ui/announce";
import { isFinal, shownState } from "../ui/state";

const EVERY_MS = 1000;

/** A number that rises when something of the job has changed, at most once a second. */
export function useChanges(job: Schemas["JobHeader"] | undefined, reload: () => void): number {
  const [changes, setChanges] = useState(0);
  const look = useCalm(() => {
    reload();
    setChanges((n) => n + 1);
  }, EVERY_MS);
  const isLive = job && !isFinal(job.state);
  useStream(isLive ? `/events?jobs=${job.id}&types=job,task&every=${EVERY_MS}ms` : undefined, {
    onEvent: look,
    onOpen: look,
  });
  const before = useRef(job?.state);
  useEffect(() => {
    if (before.current && job && before.current !== job.state) {
      announce(`The job is ${shownState(job.state).word.toLowerCase()}`);
      look(); // what ended with it may have been written after the last look
    }
    before.current = job?.state;
  }, [job?.state]);
  return changes;
}

/** `act`, however often it is asked for, at most once in so many milliseconds; the last counts. */
function useCalm(act: () => void, everyMs: number): () => void {
  const newest = useRef(act);
  newest.current = act;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const last = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) return;
    const wait = Math.max(0, last.current + everyMs - Date.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = Date.now();
      newest.current();
    }, wait);
  }, [everyMs]);
}
