"""The keys of tasks and of their dispatches, and ids that depend only on what they are made of."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


def derived_id(*parts: str | int) -> str:
    """32 hex digits that depend on nothing but `parts`.

    A repeated event that would make a task again therefore runs into the primary key instead of
    making a second one.
    """
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16)
    return digest.hexdigest()


def derived_chance(*parts: str | int) -> float:
    """A number in 0..1 that looks random and depends on nothing but `parts`."""
    return int(derived_id(*parts)[:12], 16) / float(1 << 48)


def earliest(*moments: datetime | None) -> datetime | None:
    """None when there is none."""
    return min((moment for moment in moments if moment is not None), default=None)


class TaskPosition(NamedTuple):
    """A task of a job's own list, by its 1-based position: for what may have no row yet."""

    job_id: str
    position: int


@dataclass(frozen=True, slots=True)
class TaskKey:
    """A task that has a row."""

    job_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class DispatchRef(TaskKey):
    """One sending of a task to a worker, or one wait of it for its sub-job."""

    dispatch: int


@dataclass(frozen=True, slots=True)
class DispatchOnNode(DispatchRef):
    node_id: str
