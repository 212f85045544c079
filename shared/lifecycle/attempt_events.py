"""What becomes of the attempts of a task: what workers tell of them, and what time brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.lifecycle.keys import DispatchOnNode, DispatchRef, TaskKey
from shared.lifecycle.planned import SpawnedTask
from shared.lifecycle.values import Timings


@dataclass(frozen=True, slots=True)
class TaskClaimed(DispatchOnNode):
    """A worker holds the task and asks to start it. `token_digest` is of the token that its program
    shows to the API."""

    lease: timedelta
    token_digest: str | None = None


@dataclass(frozen=True, slots=True)
class TaskSucceeded(DispatchOnNode):
    """`kept_bytes` is by how much its artifacts are more than those they take the place of;
    `spawned` are the siblings it has made."""

    result: str | None = None
    log_parts: int = 0
    exit_code: int = 0
    kept_bytes: int = 0
    timings: Timings = None
    image_digest: str | None = None
    spawned: Sequence[SpawnedTask] = ()


@dataclass(frozen=True, slots=True)
class TaskFailed(DispatchOnNode):
    """`kept_bytes` as of `TaskSucceeded`."""

    error: str
    log_parts: int = 0
    cause: str = "other"
    exit_code: int | None = None
    is_out_of_memory: bool = False
    kept_bytes: int = 0
    timings: Timings = None
    image_digest: str | None = None


@dataclass(frozen=True, slots=True)
class TaskReturned(DispatchOnNode):
    """A worker hands the task back: it leaves, or its engine could not run it.

    `error` is what the engine said, if it was that. `is_declined`: it is well otherwise, so that it
    may be the task. `is_lost`: the worker was killed, which may be the task as well.
    """

    error: str | None = None
    is_declined: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class TaskProgressed(DispatchRef):
    progress: float


@dataclass(frozen=True, slots=True)
class LeaseExpired(DispatchRef):
    """The task's worker has not renewed it in time."""


@dataclass(frozen=True, slots=True)
class TaskTimedOut(DispatchRef):
    """The task's own time-out passed and its worker did not say so."""


@dataclass(frozen=True, slots=True)
class QueueTimedOut(DispatchRef):
    """The task has waited for a worker, or for a node, for longer than it may; `reason` says why it
    had to."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RetryDue(TaskKey):
    """The wait before this attempt is over."""


@dataclass(frozen=True, slots=True)
class DispatchMissing(DispatchRef):
    """A task is SCHEDULED but its message may be gone: a deleted queue, a broker that lost data."""
