"""Workers of a world in memory that do as they should."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

from shared.lifecycle import (
    Event,
    RetryDue,
    SpawnedTask,
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
    return TaskSucceeded(task.job_id, task.id, dispatch, node, spawned=spawned_by(task))


_SPAWNS = re.compile(r"spawns (\d)")
_DEEPEST = 2


def spawned_by(task: Task) -> list[SpawnedTask]:
    """As many as its name says for the next sequence; the first makes one for its own, too, and
    some one for a later."""
    spawns, sequence = _SPAWNS.search(task.plan.name), task.sequence
    if spawns is None or sequence is None or sequence >= _DEEPEST:
        return []
    sequences = [sequence + 1] * int(spawns[1])
    if task.child_index == 0:
        sequences = [sequence + 2, *sequences, sequence]
    return [SpawnedTask(each, {"item": {"value": {}}}) for each in sequences]


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
