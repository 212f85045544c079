"""What the events of a job make of it: one function for each."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.beginnings import begin, fail_to_begin, new_task, skip
from shared.lifecycle.decision import Change, Decision, Ignored
from shared.lifecycle.endings import complete_job, done_progress, fail_job
from shared.lifecycle.states import JobState
from shared.lifecycle.values import Job, Task


def on_submitted(job: Job, event: e.JobSubmitted, now: datetime) -> Decision | Ignored:
    del event, now
    change = Change(job)
    change.send(c.AnnounceJob(job))
    change.send(c.PlanReady(job.id) if job.is_graph else c.PlanTask(job.id, 1))
    return change.done()


def on_planned(job: Job, event: e.TaskPlanned, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change, task = _at(job, event.position, now)
    if job.state is JobState.PENDING:
        change.move_job(JobState.SCHEDULED, change.job)
    begin(change, task, event.planned, now, is_new=True)
    return change.done()


def on_plan_failed(job: Job, event: e.TaskPlanFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change, task = _at(job, event.position, now)
    fail_to_begin(change, task, event.plan, event.error, now, is_new=True)
    return change.done()


def on_skipped(job: Job, event: e.TaskSkipped, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change, task = _at(job, event.position, now)
    skip(change, task, event.plan, now, is_new=True)
    return change.done()


def on_output_evaluated(job: Job, event: e.OutputEvaluated, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    change = Change(job)
    complete_job(change, event.result, now)
    return change.done()


def on_output_failed(job: Job, event: e.OutputFailed, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    change = Change(job)
    fail_job(change, event.error, now)
    return change.done()


def on_job_cancelled(job: Job, event: e.JobCancelled, now: datetime) -> Decision | Ignored:
    del event, now
    if job.state.is_final:
        return _only({state for state in JobState if not state.is_final}, "cancelled", job)
    change = Change(job)
    _cancel(change)
    return change.done()


def on_job_timed_out(job: Job, event: e.JobTimedOut, now: datetime) -> Decision | Ignored:
    del event
    if job.state.is_final or job.timeout is None or not _is_over(job.deadline_at, now):
        return Ignored(f"job is {job.state}")
    change = Change(job)
    fail_job(change, f"timed out after {job.timeout.total_seconds():g}s", now)
    return change.done()


def on_job_restarted(job: Job, event: e.JobRestarted, now: datetime) -> Decision | Ignored:
    del event, now
    if not job.state.may_restart:
        return _only({state for state in JobState if state.may_restart}, "restarted", job)
    # A parent that no longer waits has no say in it.
    change = Change(replace(job, parent=replace(job.parent, dispatch=0) if job.parent else None))
    _restart(change)
    return change.done()


def on_subjob_resumed(job: Job, event: e.SubJobResumed, now: datetime) -> Decision | Ignored:
    del now
    if job.parent is None or job.parent.dispatch >= event.dispatch:
        return Ignored("its parent has said so already")
    change = Change(replace(job, parent=replace(job.parent, dispatch=event.dispatch)))
    if job.state.may_restart:
        _restart(change)
    elif job.state.is_final:
        change.send(c.ReportToParent(change.job))
    return change.done()


def on_subjob_abandoned(job: Job, event: e.SubJobAbandoned, now: datetime) -> Decision | Ignored:
    del now
    if job.parent is None or not 0 < job.parent.dispatch <= event.dispatch:
        return Ignored("that dispatch of its parent does not count any more")
    if job.state.is_final and job.parent.dispatch == event.dispatch:
        return Ignored(f"job is {job.state}")
    # Kept, so that a resumption that comes later than its end is known to be over.
    change = Change(replace(job, parent=replace(job.parent, dispatch=event.dispatch)))
    if not job.state.is_final:
        _cancel(change)
    return change.done()


def _only(allowed: Collection[JobState], done: str, job: Job) -> Ignored:
    """What a client asked for, and what its job would have to be for it to be `done`."""
    *others, last = [state for state in JobState if state in allowed]
    which = f"{', '.join(others)} or {last}"
    return Ignored(f"job is {job.state}: only a job that is {which} can be {done}")


def _cancel(change: Change) -> None:
    change.move_job(JobState.CANCELLED, change.job)
    change.send(c.CancelTasks(change.job.id))


def _restart(change: Change) -> None:
    job = change.job
    # One step back, so that `TaskPlanned` for the position it stopped at is the awaited one again.
    # A graph counts those that are done, and these stay done.
    done = job.position if job.is_graph else max(job.position, 1) - 1
    again = replace(
        job,
        position=done,
        progress=done_progress(job, done),
        restarts=job.restarts + 1,
        error=None,
        failed_at=None,
        delete_at=None,
    )
    change.move_job(JobState.PENDING, again)
    if job.is_graph and done == job.task_count:  # its output alone had failed
        change.send(c.EvaluateOutput(job.id))
    elif job.is_graph:
        change.send(c.PlanReady(job.id, is_restart=True))
    else:
        change.send(c.PlanTask(job.id, done + 1, is_restart=True))


def _is_over(deadline_at: datetime | None, now: datetime) -> bool:
    return deadline_at is not None and deadline_at <= now


def _at(job: Job, position: int, now: datetime) -> tuple[Change, Task]:
    """The job come to `position`, and its task there, about to begin."""
    task = new_task(job.id, position, job.restarts, now)
    return Change(job if job.is_graph else replace(job, position=position)), task


def _not_awaited(job: Job, position: int) -> Ignored | None:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    if not job.is_graph and position != job.position + 1:
        return Ignored(f"position {position} is not the next after {job.position}")
    return None
