"""What may happen to a task whose children make others."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.lifecycle.keys import TaskKey
from shared.lifecycle.planned import SpawnedTask


@dataclass(frozen=True, slots=True)
class ChildrenSpawned(TaskKey):
    """A child of the task has succeeded, and has made these."""

    spawned: Sequence[SpawnedTask]


@dataclass(frozen=True, slots=True)
class SequenceOpened(TaskKey):
    """The answer to `OpenSequence`: the next has this number, and so many children."""

    sequence: int
    count: int
