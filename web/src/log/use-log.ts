// The lines of a log, followed as long as somebody can see the page.
import { useEffect, useMemo, useReducer, useRef } from "preact/hooks";
import { follow } from "../api/live";
import { earlyOf } from "../ui/load";
import { endOf, LogLines, type Part, reader, type Source } from "./lines";

/** `onAppended` hears the numbers of lines that come. */
export function useLog(source: Source, onAppended: (numbers: number[]) => void): LogLines {
  const [, render] = useReducer<number, void>((n) => n + 1, 0);
  const frame = useRef(0);
  const changed = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => render());
  };
  const { jobId, taskId } = source;
  const log = useMemo(() => {
    const [key] = endOf({ jobId, taskId });
    return new LogLines(reader({ jobId, taskId }), changed, earlyOf(key));
  }, [jobId, taskId]);
  const appended = useRef(onAppended);
  appended.current = onAppended;
  useEffect(() => {
    let stop: () => void = () => undefined;
    let isOver = false;
    log.onRead = () => {
      stop();
      if (isOver || document.hidden || log.isComplete) return;
      stop = follow(`/jobs/${jobId}/events?types=log&after=${log.cursor}`, {
        onEvent: (kind, event) => {
          const part = event as unknown as Part;
          if (kind === "end") log.isComplete = true;
          else if (kind === "log" && (!taskId || part.taskId === taskId))
            appended.current(log.append(part));
          changed();
        },
      });
    };
    // While nobody sees it, it is not followed: then it is read anew.
    const onVisibility = () => {
      stop();
      if (!document.hidden) void log.reload();
    };
    document.addEventListener("visibilitychange", onVisibility);
    void log.reload();
    return () => {
      isOver = true;
      stop();
      log.abort();
      cancelAnimationFrame(frame.current);
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [log, jobId, taskId]);
  return log;
}
