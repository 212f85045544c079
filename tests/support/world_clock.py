"""What the scheduler of a world in memory finds due."""

from collections.abc import Iterator
from datetime import datetime

from shared.lifecycle import (
    DispatchMissing,
    Event,
    JobStartDue,
    JobTimedOut,
    LeaseExpired,
    QueueTimedOut,
    RetryDue,
    Task,
    TaskState,
    TaskTimedOut,
)
from tests.support.family_world import World


def due(world: World) -> Iterator[Event]:
    for task in world.tasks.values():
        yield from _due_of(task, world.now)
    for job in world.jobs.values():
        if _is_over(job.deadline_at, world.now):
            yield JobTimedOut(job.id)
        if _is_over(job.due_at, world.now):
            yield JobStartDue(job.id)
    yield from world.lost_signals()


def early(world: World) -> Iterator[Event]:
    """What a look that was overtaken, by a heartbeat or by a restart, has found due."""
    for task in world.tasks.values():
        if task.lease_expires_at is not None:
            yield LeaseExpired(task.job_id, task.id, task.dispatch)
        if task.state is TaskState.SCHEDULED and task.deadline_at is not None:
            yield QueueTimedOut(task.job_id, task.id, task.dispatch)
    for job in world.jobs.values():
        if job.deadline_at is not None:
            yield JobTimedOut(job.id)
        if job.due_at is not None:
            yield JobStartDue(job.id)


def _due_of(task: Task, now: datetime) -> Iterator[Event]:
    ref = (task.job_id, task.id)
    match task.state:
        case TaskState.PENDING if _is_over(task.due_at, now):
            yield RetryDue(*ref)
        case TaskState.SCHEDULED:
            yield DispatchMissing(*ref, task.dispatch)
            if _is_over(task.deadline_at, now):
                yield QueueTimedOut(*ref, task.dispatch)
        case TaskState.RUNNING:
            if _is_over(task.lease_expires_at, now):
                yield LeaseExpired(*ref, task.dispatch)
            if _is_over(task.deadline_at, now):
                yield TaskTimedOut(*ref, task.dispatch)


def _is_over(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
