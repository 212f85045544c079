"""Workers of a world in memory that do as they should."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from shared.lifecycle import (
    Event,
    RetryDue,
    Task,
    TaskClaimed,
    TaskFailed,
    TaskKind,
    TaskState,
    TaskSucceeded,
)

LEASE = timedelta(seconds=30)
NODES = ("node-1", "node-2")
Verdict = Callable[[Task, int, str], Event]
"""What a worker says of a task that it has run, as which dispatch and node."""


def success(task: Task, dispatch: int, node: str) -> Event:
    return TaskSucceeded(task.job_id, task.id, dispatch, node)


def fate(task: Task, dispatch: int, node: str) -> Event:
    """As was submitted: the first attempts fail, the others do not."""
    failures = int(task.plan.name.rpartition("fails ")[2])
    if task.attempt >= failures:
        return success(task, dispatch, node)
    return TaskFailed(task.job_id, task.id, dispatch, node, "exit code 1", 0, "exit", 1)


def honest_events(task: Task, verdict: Verdict = success) -> Iterator[Event]:
    ref = (task.job_id, task.id)
    match task.state:
        case TaskState.PENDING:
            yield RetryDue(*ref)
        case TaskState.SCHEDULED:
            yield TaskClaimed(*ref, task.dispatch, NODES[0], LEASE)
        case TaskState.RUNNING if task.plan.kind is TaskKind.TASK:
            yield verdict(task, task.dispatch, task.node_id or "")
