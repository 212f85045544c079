"""How a job goes on when a task of it is done, and how it ends."""

from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle.decision import Change
from shared.lifecycle.states import JobState


def advance(change: Change, now: datetime) -> None:
    """The task at the job's position is done: on to the next, or to the end."""
    job = change.job
    progress = round(job.position / job.task_count * 100, 2)
    change.job = replace(job, progress=progress)
    if job.position < job.task_count:
        change.send(c.PlanTask(job.id, job.position + 1))
    elif job.has_output:
        change.send(c.EvaluateOutput(job.id))
    else:
        complete_job(change, None, now)


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
    change.move_job(JobState.FAILED, replace(change.job, failed_at=now, error=error))
