"""What may happen to placed tasks and their executions, beside what happens to every task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.lifecycle.keys import DispatchOnNode, DispatchRef, TaskKey
from shared.lifecycle.values import Task

RecallReason = Literal["drain", "update", "scale"]


@dataclass(frozen=True, slots=True)
class ExecutionPlaced(DispatchOnNode):
    """A node was chosen for the execution, that waits for one."""


@dataclass(frozen=True, slots=True)
class NodesMatched(TaskKey):
    """The placed task is to have one more execution for each of `node_ids`, which may go nowhere
    else. It was decided when it had `total`."""

    node_ids: Sequence[str]
    total: int


@dataclass(frozen=True, slots=True)
class PlacementFailed(TaskKey):
    """No node will do: for a placed task that needs one on every node, or for an execution that
    waits."""

    error: str


@dataclass(frozen=True, slots=True)
class ExecutionRecalled(DispatchRef):
    """The execution is to leave its node (`drain`), to be made anew from its job's latest version
    (`update`), or to be no more (`scale`)."""

    reason: RecallReason


@dataclass(frozen=True, slots=True)
class ExecutionAdopted(DispatchOnNode):
    """A worker has found the execution running, left by `from_node_id`, which is gone."""

    from_node_id: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class ExecutionStopped(TaskKey):
    """An execution of the task, which is kept running, has stopped."""


@dataclass(frozen=True, slots=True)
class ExecutionRenewed(TaskKey):
    """An execution of the task has ended to be made anew: its successor may begin."""


@dataclass(frozen=True, slots=True)
class ExecutionRemoved(TaskKey):
    """An execution of the task has ended, as there were too many; `successor` would take its place,
    should it be wanted again."""

    successor: Task


PlacedEvent = (
    ExecutionPlaced
    | NodesMatched
    | PlacementFailed
    | ExecutionRecalled
    | ExecutionAdopted
    | ExecutionStopped
    | ExecutionRenewed
    | ExecutionRemoved
)
