"""What a new priority makes of a job, and of its tasks that wait."""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import priority_events as e
from shared.lifecycle.beginnings import prioritized
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import TaskState
from shared.lifecycle.values import Job, Task


def on_job_prioritized(job: Job, event: e.JobPrioritized) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}: only a job that has not ended can have a new priority")
    builder = DecisionBuilder(replace(job, priority=event.priority))
    builder.progress_job(job.progress)
    builder.send(c.PrioritizeTasks(job.id))
    return builder.build()


def on_task_prioritized(
    job: Job, task: Task, _: e.TaskPrioritized, now: datetime
) -> Decision | Ignored:
    again = replace(task, plan=prioritized(job, task.plan))
    if again.plan == task.plan:
        return Ignored("it has this priority")
    builder = DecisionBuilder(job)
    if task.state is TaskState.SCHEDULED and not task.plan.is_execution:
        # A new dispatch: the message that still waits with the old priority must not count. Its
        # time in the queue goes on.
        again = replace(again, dispatch=task.dispatch + 1, scheduled_at=now)
        builder.send(c.RunTask(again))
    elif task.state is not TaskState.PENDING:
        return Ignored(f"task is {task.state}")
    elif task.due_at is None:
        builder.send(c.AskPlacement())
    builder.tasks[task.id] = again
    return builder.build()
