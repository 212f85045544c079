"""The tasks a worker has in hand, and what may interrupt them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from shared.messages import TaskRef

Key = tuple[str, int]
"""Task id and dispatch."""


class Interruption(Enum):
    """Why a task must end before it has."""

    STOPPED = "stopped"  # by the coordinator: cancelled, or no longer this worker's
    REFUSED = "refused"  # the claim was not granted
    LEASE_LOST = "lease lost"  # others may start it now
    DRAINED = "drained"  # the worker is leaving
    TIMED_OUT = "timed out"


def _future() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class Held:
    """One dispatch. `granted` is done when it may start; `interrupted` when it must end."""

    ref: TaskRef
    granted: "asyncio.Future[None]" = field(default_factory=_future)
    interrupted: "asyncio.Future[Interruption]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def key(self) -> Key:
        return self.ref.task_id, self.ref.dispatch

    @property
    def is_granted(self) -> bool:
        return self.granted.done()

    def grant(self) -> None:
        if not self.granted.done():
            self.granted.set_result(None)

    def interrupt(self, why: Interruption) -> None:
        """The first reason counts."""
        if not self.interrupted.done():
            self.interrupted.set_result(why)


class Hand:
    """All dispatches in hand, by key."""

    def __init__(self) -> None:
        self._held: dict[Key, Held] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def take(self, ref: TaskRef) -> Held | None:
        """None when this very dispatch is in hand already: its message came twice."""
        held = Held(ref)
        if held.key in self._held:
            return None
        self._held[held.key] = held
        return held

    def drop(self, held: Held) -> None:
        del self._held[held.key]

    def find(self, ref: TaskRef) -> Held | None:
        return self._held.get((ref.task_id, ref.dispatch))

    def interrupt_all(self, why: Interruption) -> None:
        for held in self:
            held.interrupt(why)

    @property
    def refs(self) -> list[TaskRef]:
        """What heartbeats must name, claims on their way included: their leases may run already."""
        return [held.ref for held in self]
