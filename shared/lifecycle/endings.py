"""How a task's end reaches what the task is part of, and how a job goes on or ends."""

from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.decision import Change
from shared.lifecycle.states import JobState
from shared.lifecycle.values import Job, Task


def task_done(change: Change, task: Task, now: datetime, *, was_taken: bool = True) -> None:
    """The task, final by now, counts as done: it succeeded, was skipped, or may fail."""
    if task.parent_id is None:
        _advance(change, task, now)
    else:
        _tell_parent(change, task, None, was_taken)


def task_failed(
    change: Change, task: Task, error: str, now: datetime, *, was_taken: bool = True
) -> None:
    """The task, final by now, has failed for good."""
    if task.plan.allow_failure:
        task_done(change, task, now, was_taken=was_taken)
    elif task.parent_id is None:
        fail_job(change, error, now)
    else:
        _tell_parent(change, task, error, was_taken)


def spread_progress(change: Change, task: Task, delta: float) -> None:
    """`task` has come `delta` percent further, and so has what it is part of."""
    if not delta:
        return
    if task.parent_id is not None:
        change.send(c.Tell(e.ChildProgressed(task.job_id, task.parent_id, delta)))
        return
    job = change.job
    change.progress_job(min(max(job.progress + delta / job.task_count, 0.0), 100.0))


def done_progress(job: Job, done: int) -> float:
    """The progress of a job of which `done` tasks are done and none has begun."""
    return round(done / job.task_count * 100, 2)


def complete_job(change: Change, result: str | None, now: datetime) -> None:
    job = change.job
    after = job.auto_delete_after
    change.move_job(
        JobState.COMPLETED,
        replace(
            job,
            completed_at=now,
            progress=100.0,
            result=result,
            delete_at=now + after if after else None,
        ),
    )


def fail_job(change: Change, error: str, now: datetime) -> None:
    """The tasks that are still active beside the failed one are cancelled."""
    change.move_job(JobState.FAILED, replace(change.job, failed_at=now, error=error))
    change.send(c.CancelTasks(change.job.id))


def _tell_parent(change: Change, task: Task, error: str | None, was_taken: bool) -> None:
    assert task.parent_id is not None  # noqa: S101 - only children come here
    missing = 100.0 - task.progress
    change.send(
        c.Tell(e.ChildEnded(task.job_id, task.parent_id, missing, error, was_taken=was_taken))
    )


def _advance(change: Change, task: Task, now: datetime) -> None:
    """A task of the job's own list is done: on to what waited for it, or to the end."""
    job = change.job
    done = job.position + 1 if job.is_graph else job.position
    change.job = replace(job, position=done)
    progress = _progress_after(job, task, done)
    if done >= job.task_count:
        change.job = replace(change.job, progress=progress)
        _finish(change, now)
        return
    change.progress_job(progress)
    if job.is_graph:
        change.send(c.PlanDependents(job.id, task.position))
    else:
        change.send(c.PlanTask(job.id, job.position + 1))


def _progress_after(job: Job, task: Task, done: int) -> float:
    if not job.is_graph:
        return done_progress(job, done)
    # Others may be half-way: theirs stays counted.
    return min(job.progress + (100.0 - task.progress) / job.task_count, 100.0)


def _finish(change: Change, now: datetime) -> None:
    if change.job.has_output:
        change.send(c.EvaluateOutput(change.job.id))
    else:
        complete_job(change, None, now)
