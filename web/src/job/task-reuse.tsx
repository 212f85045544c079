// Whether a task ended as one that had done the same work.
import { api, data, type Schemas } from "../api/client";
import { Fact } from "../ui/fact";
import { useLoad } from "../ui/load";
import { At } from "../ui/time";
import { jobHref } from "./address";
import { taskName } from "./words";

type Task = Schemas["Task"];

export function TaskReuse({ task }: { task: Task }) {
  if (task.reusedFrom) return <Reused from={task.reusedFrom} />;
  const hasRun = task.startedAt && task.nodeId;
  return task.reuse && hasRun && !task.execution ? (
    <Fact name="Reuse">no task of the same work could be reused</Fact>
  ) : null;
}

/** The task may be gone: then its id is all that is left. */
function Reused({ from }: { from: string }) {
  const found = useLoad(`task ${from}`, (signal) =>
    data(api.GET("/tasks/{id}", { params: { path: { id: from } }, signal })),
  );
  const task = found.data;
  return (
    <Fact name="Reuse">
      {"did the same work as "}
      {task?.jobId ? (
        <>
          <a href={jobHref(task.jobId, { task: from })}>{taskName(task)}</a>
          {task.completedAt && (
            <>
              {", completed "}
              <At at={task.completedAt} />
            </>
          )}
        </>
      ) : (
        <code>{from}</code>
      )}
    </Fact>
  );
}
