// The last lines of a task, as they are now.
import { api, data } from "../api/client";
import { useLoad } from "../ui/load";
import { LineText } from "./line-row";
import "./log.css";

export function LogTail({ taskId, lines = 20 }: { taskId: string; lines?: number }) {
  const { data: found } = useLoad(`tail ${taskId} ${lines}`, (signal) => {
    const params = { path: { id: taskId }, query: { first: -lines, size: lines } };
    return data(api.GET("/tasks/{id}/log/lines", { params, signal }));
  });
  if (!found?.items.length) return null;
  return (
    <div class="log-tail">
      {found.items.map((line) => (
        <div key={line.number} class={`log-line${line.stderr ? " log-stderr" : ""}`}>
          <span class="log-stream">
            {line.stderr && (
              <abbr title="standard error" aria-label="stderr:">
                E
              </abbr>
            )}
          </span>
          <span class="log-text" dir="ltr">
            <LineText line={line} />
          </span>
        </div>
      ))}
    </div>
  );
}
