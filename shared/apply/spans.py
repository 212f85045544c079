"""What a batch has come to, as spans: each event that was applied, each task and job that ended."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.apply.workspace import Outcome
from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    Command,
    Event,
    Ignored,
    Job,
    JobState,
    Task,
    TaskEvent,
    TaskProgressed,
    TaskState,
)
from shared.tracing.protocol import Finished, TraceContext, Tracing, job_context, task_context


def record_batch(
    tracing: Tracing,
    outcomes: Iterable[tuple[Event, Outcome]],
    commands: Iterable[Command],
    began: float,
) -> None:
    """`began` is when the transaction did, in seconds since 1970; it has ended just now."""
    ended = time.time()
    for event, outcome in outcomes:
        if not isinstance(event, TaskProgressed):  # there may be hundreds of a task
            tracing.record(_applied(event, outcome, began, ended))
    for span in _ended(commands, ended):
        tracing.record(span)


def _applied(event: Event, outcome: Outcome, began: float, ended: float) -> Finished:
    facts = {"conveyor.job.id": event.job_id}
    if isinstance(event, TaskEvent):
        facts["conveyor.task.id"] = event.task_id
        parent = task_context(event.job_id, event.task_id)
    else:
        parent = job_context(event.job_id)
    if isinstance(outcome, Ignored):
        facts["conveyor.ignored"] = outcome.reason
    return Finished(
        name=f"apply {type(event).__name__}", parent=parent, began=began, ended=ended, facts=facts
    )


def _ended(commands: Iterable[Command], now: float) -> Iterator[Finished]:
    for command in commands:
        match command:
            case AnnounceTask(task) if task.state.is_final and not command.is_progress:
                yield _task(task, now)
            case AnnounceJob(job) if job.state.is_final and not command.is_progress:
                yield _job(job, now)
            case _:
                pass  # it goes on


def _task(task: Task, now: float) -> Finished:
    facts: dict[str, str | int] = {
        "conveyor.job.id": task.job_id,
        "conveyor.task.id": task.id,
        "conveyor.task.name": task.plan.name,
        "conveyor.task.kind": task.plan.kind.value,
        "conveyor.task.state": task.state.value,
        "conveyor.task.queue": task.plan.queue,
        "conveyor.task.attempt": task.attempt,
        "conveyor.task.dispatch": task.dispatch,
    }
    if task.exit_code is not None:
        facts["conveyor.task.exit_code"] = task.exit_code
    parent_id = task.parent_id
    return Finished(
        name="task",
        own=task_context(task.job_id, task.id),
        parent=task_context(task.job_id, parent_id) if parent_id else job_context(task.job_id),
        began=task.created_at.timestamp(),
        ended=_end(task, now),
        facts=facts,
        links=[job_context(task.subjob_id)] if task.subjob_id else (),
        is_failed=task.state is TaskState.FAILED,
    )


def _job(job: Job, now: float) -> Finished:
    """One that was restarted ends again: that is a span of its own beneath the first."""
    first = job_context(job.id)
    return Finished(
        name="job, restarted" if job.restarts else "job",
        own=None if job.restarts else first,
        parent=first if job.restarts else None,
        began=job.created_at.timestamp(),
        ended=_end(job, now),
        facts={
            "conveyor.job.id": job.id,
            "conveyor.job.state": job.state.value,
            "conveyor.job.tasks": job.task_count,
        },
        links=_link_to_parent(job),
        is_failed=job.state is JobState.FAILED,
    )


def _link_to_parent(job: Job) -> tuple[TraceContext, ...]:
    return (task_context(job.parent.job_id, job.parent.task_id),) if job.parent else ()


def _end(ended: Job | Task, now: float) -> float:
    at: datetime | None = ended.completed_at or ended.failed_at
    return at.timestamp() if at else now
