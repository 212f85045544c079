"""How a task's end reaches what the task is part of, and how a job goes on or ends."""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import family_events as f
from shared.lifecycle.decision import DecisionBuilder
from shared.lifecycle.progressions import progression_of
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JobState
from shared.lifecycle.values import Task


def task_done(
    builder: DecisionBuilder, task: Task, now: datetime, *, was_claimed: bool = True
) -> None:
    """The task, final by now, counts as done: it succeeded, was skipped, or may fail."""
    if task.parent_id is None:
        _advance(builder, task, now)
    else:
        _tell_parent(builder, task, task.parent_id, None, was_claimed)


def task_failed(
    builder: DecisionBuilder, task: Task, error: str, now: datetime, *, was_claimed: bool = True
) -> None:
    """The task, final by now, has failed for good."""
    if task.plan.allow_failure and has_counted(task):
        _lose_kept(builder, now)
    elif task.plan.allow_failure:
        task_done(builder, task, now, was_claimed=was_claimed)
    elif task.parent_id is None:
        fail_job(builder, error, now)
    else:
        _tell_parent(builder, task, task.parent_id, error, was_claimed)


COUNTED = 100.0
"""The progress of a task that is kept running and counts as done: a restart leaves it."""


def has_counted(task: Task) -> bool:
    """Whether what waited for the service or daemon has gone on already."""
    return task.plan.is_kept_running and task.progress >= COUNTED


def counts_as_done(builder: DecisionBuilder, task: Task, now: datetime) -> None:
    """The service or daemon runs: what waited for it goes on, and it goes on as well."""
    counted = replace(task, progress=COUNTED)
    kept = builder.new_tasks if task.id in builder.new_tasks else builder.tasks
    kept[task.id] = counted
    if task.parent_id is None:
        builder.job = replace(builder.job, kept_running=builder.job.kept_running + 1)
    task_done(builder, task, now)


def _lose_kept(builder: DecisionBuilder, now: datetime) -> None:
    """A service or daemon that may fail has ended: the job goes on, unless it was all there is."""
    if builder.job.kept_running == builder.job.task_count == 1:
        _end_list(builder, now)


def spread_progress(builder: DecisionBuilder, task: Task, delta: float) -> None:
    """`task` has come `delta` percent further, and so has what it is part of."""
    if not delta:
        return
    if task.parent_id is not None:
        builder.send(c.Tell(f.ChildProgressed(task.job_id, task.parent_id, delta)))
        return
    job = builder.job
    builder.progress_job(min(max(job.progress + delta / job.task_count, 0.0), 100.0))


def complete_job(builder: DecisionBuilder, result: str | None, now: datetime) -> None:
    job = builder.job
    after = job.auto_delete_after
    builder.move_job(
        replace(
            job,
            state=JobState.COMPLETED,
            completed_at=now,
            progress=100.0,
            result=result,
            delete_at=now + after if after else None,
        )
    )
    if job.kept_running:
        builder.send(c.CancelTasks(job.id))


def fail_job(builder: DecisionBuilder, error: str, now: datetime) -> None:
    """The tasks that are still active beside the failed one are cancelled."""
    builder.move_job(replace(builder.job, state=JobState.FAILED, failed_at=now, error=error))
    builder.send(c.CancelTasks(builder.job.id))


def _tell_parent(
    builder: DecisionBuilder, task: Task, parent_id: str, error: str | None, was_claimed: bool
) -> None:
    missing = 100.0 - task.progress
    builder.send(c.Tell(f.ChildEnded(task.job_id, parent_id, missing, error, was_claimed)))


def _advance(builder: DecisionBuilder, task: Task, now: datetime) -> None:
    """A task of the job's own list is done: on to what waited for it, or to the end."""
    builder.job, command = progression_of(builder.job).after(builder.job, task)
    if command is not None or builder.job.has_webhooks:  # receivers wait for the last part, too
        builder.progress_job(builder.job.progress)
    if command is not None:
        builder.send(command)
    elif builder.job.kept_running == builder.job.task_count:
        pass  # services and daemons alone: it runs until it is cancelled
    else:
        _end_list(builder, now)


def _end_list(builder: DecisionBuilder, now: datetime) -> None:
    if builder.job.has_output:
        builder.send(c.EvaluateOutput(builder.job.id))
    else:
        complete_job(builder, None, now)
