// Event streams of the API, open only while somebody can see the page.
import { useEffect, useRef } from "preact/hooks";
import { isSignedIn, loadSession } from "./session";

export interface LiveEvent {
  jobId: string;
  taskId?: string;
  name?: string;
  parentId?: string;
  state?: string;
  version?: number;
  progress?: number;
  at?: string;
}

export type Kind = "job" | "task" | "progress" | "log" | "end";

export interface Listener {
  onEvent: (kind: Kind, event: LiveEvent) => void;
  /** The stream is (again) there: what happened in between is to be read. */
  onOpen?: () => void;
}

const KINDS: readonly Kind[] = ["job", "task", "progress", "log", "end"];

const AGAIN_MS = 5000;
const LONGEST_MS = 60_000;

/** Follows `url` until the returned function is called; closed while the page is hidden, and while
 * nobody is signed in. */
export function follow(url: string, listener: Listener): () => void {
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let pause = AGAIN_MS;
  const open = () => {
    if (source || document.hidden || !isSignedIn.value) return;
    source = new EventSource(url);
    source.onopen = () => {
      pause = AGAIN_MS;
      listener.onOpen?.();
    };
    // A line that breaks is opened again by the browser; an answer that refuses is not.
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      again = setTimeout(open, pause);
      pause = Math.min(pause * 2, LONGEST_MS);
      loadSession().catch(() => undefined); // the session may have ended; the next request says more
    };
    for (const kind of KINDS)
      source.addEventListener(kind, (message) => {
        listener.onEvent(kind, JSON.parse((message as MessageEvent<string>).data) as LiveEvent);
        if (kind === "end") stop();
      });
  };
  const close = () => {
    clearTimeout(again);
    source?.close();
    source = undefined;
  };
  const onVisibility = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", onVisibility);
  const unsubscribe = isSignedIn.subscribe((isIn) => (isIn ? open() : close()));
  const stop = () => {
    document.removeEventListener("visibilitychange", onVisibility);
    unsubscribe();
    close();
  };
  return stop;
}

/** `follow` as long as the component is there; none without a URL. */
export function useStream(url: string | undefined, listener: Listener): void {
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => {
    if (!url) return;
    return follow(url, {
      onEvent: (kind, event) => newest.current.onEvent(kind, event),
      onOpen: () => newest.current.onOpen?.(),
    });
  }, [url]);
}
