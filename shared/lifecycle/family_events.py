"""What children, and the questions about them, tell the task that they belong to."""

from dataclasses import dataclass

from shared.lifecycle.keys import TaskKey
from shared.lifecycle.values import ListText


@dataclass(frozen=True, slots=True)
class ChildStarted(TaskKey):
    """A child of the task was claimed by a worker for the first time, or (`via_worker` False) began
    without waiting for one: it is composite."""

    via_worker: bool = True


@dataclass(frozen=True, slots=True)
class ChildrenPutOff(TaskKey):
    """The answer to `BeginChildren` when as many begin already as one transaction takes: `count`
    of those that were asked for still wait for their turn."""

    count: int


@dataclass(frozen=True, slots=True)
class ChildrenContinued(TaskKey):
    """Children of the task may have been put off: as many as have a free slot may begin now."""


@dataclass(frozen=True, slots=True)
class ChildProgressed(TaskKey):
    """The progress of a child of the task has changed by `delta` percent of that child."""

    delta: float


@dataclass(frozen=True, slots=True)
class ChildEnded(TaskKey):
    """A child of the task is final: done, or (`error` is given) failed.

    `delta` is what was missing of its progress; `was_claimed` whether a worker ever had it.
    """

    delta: float
    error: str | None = None
    was_claimed: bool = True


@dataclass(frozen=True, slots=True)
class ResultsCollected(TaskKey):
    """The answer to `CollectResults`."""

    results: ListText


@dataclass(frozen=True, slots=True)
class ResultsTooLarge(TaskKey):
    """The same answer when they are too much to be kept together."""

    error: str
