"""The transition table: for each kind of event one function, and nothing else decides.

Each function either returns a `Decision` or says with `Ignored` why the event no longer fits. A
row that is missing or leads to the rule of another event is a type error.
"""

from datetime import datetime
from typing import assert_never

from shared.lifecycle import attempt_events as a
from shared.lifecycle import (
    beginnings,
    child_rules,
    job_rules,
    lock_rules,
    placed_rules,
    priority_rules,
    slot_rules,
    spawn_rules,
    task_rules,
    update_rules,
)
from shared.lifecycle import events as e
from shared.lifecycle import family_events as f
from shared.lifecycle import lock_events as k
from shared.lifecycle import placed_events as p
from shared.lifecycle import priority_events as r
from shared.lifecycle import slot_events as w
from shared.lifecycle import spawn_events as s
from shared.lifecycle import update_events as u
from shared.lifecycle.decision import Decision, Ignored, refused
from shared.lifecycle.keys import TaskKey
from shared.lifecycle.metering import metered
from shared.lifecycle.states import TaskState
from shared.lifecycle.values import Job, Task


def decide(job: Job, task: Task | None, event: e.Event, now: datetime) -> Decision | Ignored:
    """What `event` makes of `job` and `task` at `now` (aware UTC).

    `task` is the one the event names, or None for events of the job itself and for a task that
    has no row. Pure: the same arguments always give the same answer.
    """
    outcome = _decided(job, task, event, now)
    if not isinstance(outcome, Decision):
        return outcome
    if task is not None:
        outcome = metered(task, outcome, now)
    return slot_rules.with_slots_filled(outcome, now)


def _decided(job: Job, task: Task | None, event: e.Event, now: datetime) -> Decision | Ignored:
    if not isinstance(event, TaskKey):
        return _on_job(job, task, event, now)
    if task is None:
        return _ignored(event, "no such task")
    if isinstance(event, _LAST_WORDS) and task.state in _CUT_OFF:
        return task_rules.on_last_words(job, task, event)
    if job.state.is_final and not isinstance(event, e.TaskCancelled):
        # All that is active in it is being cancelled.
        if isinstance(event, _OF_CLOCK):
            return task_rules.on_cancelled(job, task, e.TaskCancelled(job.id, task.id), now)
        return _ignored(event, f"job is {job.state}")
    if isinstance(event, _OF_WORKERS) and task.plan.kind.is_composite:
        return _ignored(event, f"task is {task.plan.kind}, which no worker runs")
    return _on_task(job, task, event, now)


_OF_WORKERS = (a.TaskClaimed, a.TaskProgressed, a.LeaseExpired, a.TaskTimedOut)
"""What would change a running task, and fits only where a worker runs it."""

_LAST_WORDS = (a.TaskSucceeded, a.TaskFailed, a.TaskReturned)
_CUT_OFF = (TaskState.CANCELLED, TaskState.FAILED)
"""Where a task is when it was ended while its worker had it. What the worker says then changes no
state; its log is known to have an end."""

_OF_CLOCK = (a.RetryDue, a.DispatchMissing, a.LeaseExpired, a.TaskTimedOut, a.QueueTimedOut)
"""What the scheduler would find again at once, for as long as the task is active."""


def _ignored(event: e.TaskEvent, reason: str) -> Ignored:
    if isinstance(event, a.TaskClaimed | p.ExecutionAdopted):
        return refused(event, reason)
    return Ignored(reason)


def _on_job(  # noqa: C901, PLR0912 - a table: one row for each event
    job: Job, task: Task | None, event: e.JobEvent, now: datetime
) -> Decision | Ignored:
    match event:
        case e.TaskPlanned() | e.TaskPlanFailed() | e.TaskReused() | e.TaskSkipped():
            return beginnings.on_planned(job, task, event, now)
        case e.JobSubmitted():
            return job_rules.on_submitted(job, event, now)
        case e.JobReleased():
            return job_rules.on_released(job, event, now)
        case e.JobStartDue():
            return job_rules.on_start_due(job, event, now)
        case e.OutputEvaluated():
            return job_rules.on_output_evaluated(job, event, now)
        case e.OutputFailed():
            return job_rules.on_output_failed(job, event, now)
        case e.JobCancelled():
            return job_rules.on_cancelled(job, event, now)
        case e.SubmissionWithdrawn():
            return job_rules.on_submission_withdrawn(job, event)
        case e.JobRestarted():
            return job_rules.on_restarted(job, event, now)
        case e.JobRewound():
            return job_rules.on_rewound(job, event)
        case e.JobTimedOut():
            return job_rules.on_timed_out(job, event, now)
        case e.BudgetSpent():
            return job_rules.on_budget_spent(job, event, now)
        case e.SubJobResumed():
            return job_rules.on_subjob_resumed(job, event, now)
        case e.SubJobAbandoned():
            return job_rules.on_subjob_abandoned(job, event, now)
        case e.CancelPutOff():
            return job_rules.on_cancel_put_off(job, event)
        case e.CancelContinued():
            return job_rules.on_cancel_continued(job, event)
        case w.SlotCountDue():
            return slot_rules.on_slot_count_due(job, event)
        case w.SlotsCounted():
            return slot_rules.on_slots_counted(job, event)
        case u.JobUpdated():
            return update_rules.on_updated(job, event, now)
        case r.JobPrioritized():
            return priority_rules.on_job_prioritized(job, event)
        case k.JobLocked():
            return lock_rules.on_locked(job, event, now)
        case k.LockRenewed():
            return lock_rules.on_lock_renewed(job, event, now)
        case k.JobUnlocked():
            return lock_rules.on_unlocked(job, event, now)
        case _:
            assert_never(event)


def _on_task(  # noqa: C901, PLR0912 - as above
    job: Job, task: Task, event: e.TaskEvent, now: datetime
) -> Decision | Ignored:
    # Tried from the top: what happens to every task comes first.
    match event:
        case a.TaskClaimed():
            return task_rules.on_claimed(job, task, event, now)
        case a.TaskSucceeded():
            return task_rules.on_succeeded(job, task, event, now)
        case a.TaskProgressed():
            return task_rules.on_progressed(job, task, event)
        case f.ChildStarted():
            return child_rules.on_child_started(job, task, event, now)
        case f.ChildEnded():
            return child_rules.on_child_ended(job, task, event, now)
        case s.ChildrenSpawned():
            return spawn_rules.on_children_spawned(job, task, event, now)
        case s.SequenceOpened():
            return spawn_rules.on_sequence_opened(job, task, event)
        case w.SlotFreed():
            return slot_rules.on_slot_freed(job, task, event, now)
        case f.ChildProgressed():
            return child_rules.on_child_progressed(job, task, event)
        case f.ChildrenPutOff():
            return child_rules.on_children_put_off(job, task, event)
        case f.ChildrenContinued():
            return child_rules.on_children_continued(job, task, event)
        case f.ResultsCollected():
            return child_rules.on_results_collected(job, task, event, now)
        case f.ResultsTooLarge():
            return child_rules.on_results_too_large(job, task, event, now)
        case e.TaskReopened():
            return child_rules.on_reopened(job, task, event, now)
        case e.SubJobEnded():
            return child_rules.on_subjob_ended(job, task, event, now)
        case a.TaskFailed():
            return task_rules.on_failed(job, task, event, now)
        case a.TaskReturned():
            return task_rules.on_returned(job, task, event, now)
        case e.TaskCancelled():
            return task_rules.on_cancelled(job, task, event, now)
        case a.LeaseExpired():
            return task_rules.on_lease_expired(job, task, event, now)
        case a.TaskTimedOut():
            return task_rules.on_timed_out(job, task, event, now)
        case a.QueueTimedOut():
            return task_rules.on_queue_timed_out(job, task, event, now)
        case a.RetryDue():
            return task_rules.on_retry_due(job, task, event, now)
        case a.DispatchMissing():
            return task_rules.on_dispatch_missing(job, task, event, now)
        case r.TaskPrioritized():
            return priority_rules.on_task_prioritized(job, task, event, now)
        case _:
            return _on_placed(job, task, event, now)


def _on_placed(  # noqa: C901 - as above
    job: Job,
    task: Task,
    event: p.PlacedEvent | u.TaskReplanned | u.ExecutionsCounted,
    now: datetime,
) -> Decision | Ignored:
    match event:
        case p.ExecutionPlaced():
            return placed_rules.on_placed(job, task, event, now)
        case p.NodesMatched():
            return placed_rules.on_nodes_matched(job, task, event, now)
        case p.PlacementFailed():
            return placed_rules.on_placement_failed(job, task, event, now)
        case p.ExecutionRecalled():
            return placed_rules.on_recalled(job, task, event, now)
        case p.ExecutionAdopted():
            return placed_rules.on_adopted(job, task, event, now)
        case p.ExecutionStopped():
            return placed_rules.on_execution_stopped(job, task, event)
        case p.ExecutionRenewed():
            return placed_rules.on_execution_renewed(job, task, event)
        case p.ExecutionRemoved():
            return placed_rules.on_execution_removed(job, task, event)
        case u.TaskReplanned():
            return update_rules.on_replanned(job, task, event, now)
        case u.ExecutionsCounted():
            return update_rules.on_executions_counted(job, task, event, now)
        case _:
            assert_never(event)
