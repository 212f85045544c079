// Whether a task ended as one that had done the same work, or why it runs.
import { api, data, type Schemas } from "../api/client";
import { Fact } from "../ui/fact";
import { useLoad } from "../ui/load";
import { At } from "../ui/time";
import { jobHref } from "./address";
import { taskName } from "./words";

type Task = Schemas["Task"];

export function TaskReuse({ task }: { task: Task }) {
  if (task.reusedFrom)
    return (
      <Fact name="Reuse">
        {"did the same work as "}
        <Earlier id={task.reusedFrom} />
      </Fact>
    );
  const miss = task.reuseMiss;
  return miss ? (
    <Fact name="Reuse">
      {`not reused: ${miss.message}`}
      {miss.taskId && (
        <>
          {"; compared with "}
          <Earlier id={miss.taskId} />
        </>
      )}
    </Fact>
  ) : null;
}

/** The task may be gone: then its id is all that is left. */
function Earlier({ id }: { id: string }) {
  const found = useLoad(`task ${id}`, (signal) =>
    data(api.GET("/tasks/{id}", { params: { path: { id } }, signal })),
  );
  const task = found.data;
  return task?.jobId ? (
    <>
      <a href={jobHref(task.jobId, { task: id })}>{taskName(task)}</a>
      {task.completedAt && (
        <>
          {", completed "}
          <At at={task.completedAt} />
        </>
      )}
    </>
  ) : (
    <code>{id}</code>
  );
}
