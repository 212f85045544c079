"""The transition table: for each kind of event one function, and nothing else decides.

Each function either returns a `Decision` or says with `Ignored` why the event no longer fits.
"""

from collections.abc import Callable
from datetime import datetime

from shared.lifecycle import child_rules, job_rules, task_rules
from shared.lifecycle import events as e
from shared.lifecycle.decision import Decision, Ignored
from shared.lifecycle.states import TaskKind
from shared.lifecycle.values import Job, Task


def decide(job: Job, task: Task | None, event: e.Event, now: datetime) -> Decision | Ignored:
    """What `event` makes of `job` and `task` at `now` (aware UTC).

    `task` is the one the event names, or None for events of the job itself and for a task that
    has no row. Pure: the same arguments always give the same answer.
    """
    on_job = _ON_JOB.get(type(event))
    if on_job is not None:
        return on_job(job, event, now)
    if task is None:
        return _ignored(event, "no such task")
    if job.state.is_final and not isinstance(event, e.TaskCancelled):
        # All that is active in it is about to be cancelled, in the same transaction.
        return _ignored(event, f"job is {job.state}")
    if isinstance(event, _OF_WORKERS) and task.plan.kind is not TaskKind.TASK:
        return _ignored(event, f"task is {task.plan.kind}, which no worker runs")
    return _ON_TASK[type(event)](job, task, event, now)


def _ignored(event: e.Event, reason: str) -> Ignored:
    return Ignored(reason, task_rules.refusal(event, reason))


_OF_WORKERS = (e.TaskClaimed, e.TaskProgressed, e.LeaseExpired, e.TaskTimedOut)
"""What would change a running task, and has its place only where a worker runs it."""

# The table. Each function is declared with the one event type it is listed under, which a dict
# of callables cannot express; hence the ignored argument types.

_ON_JOB: dict[type, Callable[[Job, e.Event, datetime], Decision | Ignored]] = {
    e.JobSubmitted: job_rules.on_submitted,  # type: ignore[dict-item]
    e.TaskPlanned: job_rules.on_planned,  # type: ignore[dict-item]
    e.TaskPlanFailed: job_rules.on_plan_failed,  # type: ignore[dict-item]
    e.TaskSkipped: job_rules.on_skipped,  # type: ignore[dict-item]
    e.OutputEvaluated: job_rules.on_output_evaluated,  # type: ignore[dict-item]
    e.OutputFailed: job_rules.on_output_failed,  # type: ignore[dict-item]
    e.JobCancelled: job_rules.on_job_cancelled,  # type: ignore[dict-item]
    e.JobRestarted: job_rules.on_job_restarted,  # type: ignore[dict-item]
    e.JobTimedOut: job_rules.on_job_timed_out,  # type: ignore[dict-item]
    e.SubJobResumed: job_rules.on_subjob_resumed,  # type: ignore[dict-item]
    e.SubJobAbandoned: job_rules.on_subjob_abandoned,  # type: ignore[dict-item]
}

_ON_TASK: dict[type, Callable[[Job, Task, e.Event, datetime], Decision | Ignored]] = {
    e.ChildPlanned: child_rules.on_child_planned,  # type: ignore[dict-item]
    e.ChildPlanFailed: child_rules.on_child_plan_failed,  # type: ignore[dict-item]
    e.ChildSkipped: child_rules.on_child_skipped,  # type: ignore[dict-item]
    e.ChildStarted: child_rules.on_child_started,  # type: ignore[dict-item]
    e.ChildrenPutOff: child_rules.on_children_put_off,  # type: ignore[dict-item]
    e.FamilyContinued: child_rules.on_family_continued,  # type: ignore[dict-item]
    e.ChildProgressed: child_rules.on_child_progressed,  # type: ignore[dict-item]
    e.ChildEnded: child_rules.on_child_ended,  # type: ignore[dict-item]
    e.TaskReopened: child_rules.on_reopened,  # type: ignore[dict-item]
    e.SubJobEnded: child_rules.on_subjob_ended,  # type: ignore[dict-item]
    e.TaskClaimed: task_rules.on_claimed,  # type: ignore[dict-item]
    e.TaskSucceeded: task_rules.on_succeeded,  # type: ignore[dict-item]
    e.TaskFailed: task_rules.on_failed,  # type: ignore[dict-item]
    e.TaskReturned: task_rules.on_returned,  # type: ignore[dict-item]
    e.TaskProgressed: task_rules.on_progressed,  # type: ignore[dict-item]
    e.TaskCancelled: task_rules.on_task_cancelled,  # type: ignore[dict-item]
    e.LeaseExpired: task_rules.on_lease_expired,  # type: ignore[dict-item]
    e.TaskTimedOut: task_rules.on_timed_out,  # type: ignore[dict-item]
    e.QueueTimedOut: task_rules.on_queue_timed_out,  # type: ignore[dict-item]
    e.RetryDue: task_rules.on_retry_due,  # type: ignore[dict-item]
    e.DispatchMissing: task_rules.on_dispatch_missing,  # type: ignore[dict-item]
}
