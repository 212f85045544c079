"""What the events of a job make of it: one function for each."""

from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.decision import Change, Decision, Ignored
from shared.lifecycle.ids import derived_id
from shared.lifecycle.job_ends import advance, complete_job, fail_job
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import Job, PlannedTask, Task


def on_submitted(job: Job, event: e.JobSubmitted, now: datetime) -> Decision | Ignored:
    del event, now
    change = Change(job)
    if job.has_webhooks:
        change.send(c.AnnounceJob(job))
    change.send(c.PlanTask(job.id, 1))
    return change.done()


def on_planned(job: Job, event: e.TaskPlanned, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = Change(replace(job, position=event.position))
    task = replace(
        _new_task(job, event.position, event.plan, now),
        state=TaskState.SCHEDULED,
        scheduled_at=now,
    )
    if job.state is JobState.PENDING:
        change.move_job(JobState.SCHEDULED, change.job)
    change.add_task(task)
    change.send(c.RunTask(task))
    return change.done()


def on_plan_failed(job: Job, event: e.TaskPlanFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = Change(replace(job, position=event.position))
    task = _new_task(job, event.position, event.plan, now)
    change.add_task(replace(task, state=TaskState.FAILED, failed_at=now, error=event.error))
    fail_job(change, event.error, now)
    return change.done()


def on_skipped(job: Job, event: e.TaskSkipped, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = Change(replace(job, position=event.position))
    task = _new_task(job, event.position, event.plan, now)
    change.add_task(replace(task, state=TaskState.SKIPPED, completed_at=now))
    advance(change, now)
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
        return Ignored(f"job is {job.state}")
    change = Change(job)
    change.move_job(JobState.CANCELLED, job)
    change.send(c.CancelActiveTasks(job.id))
    return change.done()


def on_job_restarted(job: Job, event: e.JobRestarted, now: datetime) -> Decision | Ignored:
    del event, now
    if not job.state.may_restart:
        return Ignored(f"job is {job.state}")
    change = Change(job)
    again = replace(job, restarts=job.restarts + 1, error=None, failed_at=None, delete_at=None)
    change.move_job(JobState.PENDING, again)
    position = max(job.position, 1)
    # One step back, so that `TaskPlanned` for the failed position is the awaited one again.
    change.job = replace(change.job, position=position - 1)
    change.send(c.PlanTask(job.id, position))
    return change.done()


def _new_task(job: Job, position: int, plan: PlannedTask, now: datetime) -> Task:
    return Task(
        id=derived_id(job.id, position, job.restarts),
        job_id=job.id,
        position=position,
        plan=plan,
        state=TaskState.CREATED,
        created_at=now,
    )


def _not_awaited(job: Job, position: int) -> Ignored | None:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    if position != job.position + 1:
        return Ignored(f"position {position} is not the next after {job.position}")
    return None
