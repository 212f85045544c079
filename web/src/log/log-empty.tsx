// Why there is nothing in a log.
import { api, data } from "../api/client";
import { EmptyState } from "../ui/empty-state";
import { useLoad } from "../ui/load";
import { isFinal } from "../ui/state";
import type { Source } from "./lines";

interface Facts {
  state: string | undefined;
  waits: string | undefined;
}

export function LogEmpty({ source, isTrimmed }: { source: Source; isTrimmed: boolean }) {
  const { jobId, taskId } = source;
  const { data: facts } = useLoad<Facts>(`${jobId} ${taskId}`, async (signal) => {
    if (taskId) {
      const path = { id: taskId };
      const task = await data(api.GET("/tasks/{id}", { params: { path }, signal }));
      return { state: task.state, waits: task.waiting?.message };
    }
    const path = { id: jobId };
    const query = { counts: false, size: 500 } as const;
    const [job, tasks] = await Promise.all([
      data(api.GET("/jobs/{id}/summary", { params: { path }, signal })),
      data(api.GET("/jobs/{id}/tasks", { params: { path, query }, signal })),
    ]);
    return { state: job.state, waits: tasks.items.find((row) => row.waiting)?.waiting?.message };
  });
  const what = taskId ? "task" : "job";
  if (isTrimmed)
    return (
      <EmptyState
        title="The log is no longer kept"
        text="It was deleted for its age. CONVEYOR_RETENTION_LOGS_DAYS of the scheduler says how long logs are kept."
      />
    );
  if (!facts) return null;
  if (facts.waits)
    return (
      <EmptyState title={`The ${what} has not started yet`} text={`It waits: ${facts.waits}`} />
    );
  if (facts.state === "RUNNING")
    return <EmptyState title="Nothing written yet" text="Lines appear here as they are written." />;
  if (isFinal(facts.state) || facts.state === "STOPPED" || facts.state === "SKIPPED")
    return (
      <EmptyState
        title="Nothing was written"
        text={`The ${what} has ended, and wrote nothing to standard output or standard error.`}
      />
    );
  return (
    <EmptyState
      title={`The ${what} has not started yet`}
      text="Its log appears here when it runs."
    />
  );
}
