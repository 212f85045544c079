"""The tasks a worker has in hand, and what may interrupt them."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from services.worker.phases import Phases
from services.worker.watchdog.args import Key
from services.worker.watchdog.task_table import TaskEntry, TaskTable
from shared.messages import TaskRef
from shared.process.clock import monotonic_boottime

_REMEMBERED = 10_000
_DRAIN_GRACE_SECONDS = 5.0  # within what a worker that leaves waits for its tasks


class Interruption(Enum):
    """Why a task must end before it has."""

    STOPPED = "stopped"  # by the coordinator: cancelled, or out of time
    SUPERSEDED = "superseded"  # no longer this worker's: others may run it
    REFUSED = "refused"  # the claim was not granted
    LEASE_LOST = "lease lost"  # others may start it now
    DRAINED = "drained"  # the worker is leaving
    TIMED_OUT = "timed out"
    LEFT = "left"  # to the next worker: it goes on


def grace_of(why: Interruption, grace_seconds: float) -> float:
    """How long a task has to end by itself; none where somebody else may run it already."""
    match why:
        case Interruption.STOPPED | Interruption.TIMED_OUT:
            return grace_seconds
        case Interruption.DRAINED:
            return min(grace_seconds, _DRAIN_GRACE_SECONDS)
        case _:
            return 0.0


def _future() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class HeldTask:
    """One dispatch. `granted` is done when it may start; `interrupted` when it must end.
    `is_found`: it runs already, as another worker's until it is granted.

    Its lease lasts at least from `taken_at` (of the clock of `HeldTasks`), as its claim came later.
    """

    ref: TaskRef
    taken_at: float
    entry: TaskEntry
    is_found: bool = False
    phases: Phases = field(default_factory=Phases)
    granted: "asyncio.Future[None]" = field(default_factory=_future)
    interrupted: "asyncio.Future[Interruption]" = field(default_factory=_future)

    @property
    def key(self) -> Key:
        return self.ref.task_id, self.ref.dispatch

    @property
    def interrupted_by(self) -> Interruption | None:
        return self.interrupted.result() if self.interrupted.done() else None

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


class HeldTasks:
    """All dispatches in hand, by key, and the last of those that were.

    A dispatch is taken once. Its message comes again when the connection is lost before the
    acknowledgement; were it claimed again before the report on it is read, it would be granted
    again, as to the worker that runs it, and run twice.
    """

    def __init__(self, table: TaskTable, clock: Callable[[], float] = monotonic_boottime) -> None:
        """Whoever reads `table` ends what is in hand when the worker can't."""
        self._clock = clock
        self._table = table
        self._held: dict[Key, HeldTask] = {}
        self._ended: dict[Key, None] = {}  # the oldest first

    def __iter__(self) -> Iterator[HeldTask]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def take(self, ref: TaskRef, *, is_found: bool = False) -> HeldTask | None:
        """None when this very dispatch is or was in hand: its message came twice."""
        key = ref.task_id, ref.dispatch
        if key in self._held or key in self._ended:
            return None
        taken_at = self._clock()
        entry = self._table.enter(key, taken_at, ref.job_id)
        held = self._held[key] = HeldTask(ref, taken_at, entry, is_found)
        return held

    def drop(self, held: HeldTask) -> None:
        """What is left to the next worker stays where the watchdog sees it."""
        if held.interrupted_by is not Interruption.LEFT:
            held.entry.remove()
        del self._held[held.key]
        self._ended[held.key] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def renew(self, at: float) -> None:
        """The leases of all that was in hand at `at` last from then."""
        self._table.renew(at)

    def find(self, ref: TaskRef) -> HeldTask | None:
        return self._held.get((ref.task_id, ref.dispatch))

    def leave_all(self) -> None:
        """Before this worker ends."""
        for held in self:
            held.interrupt(Interruption.LEFT if held.entry.is_kept else Interruption.DRAINED)

    def interrupt_all(self, why: Interruption) -> None:
        for held in self:
            held.interrupt(why)

    @property
    def refs(self) -> list[TaskRef]:
        """What heartbeats must name, claims on their way included: their leases may run already."""
        return [held.ref for held in self if held.is_granted or not held.is_found]

    @property
    def phases(self) -> dict[str, str]:
        """By task id; of those that are in one."""
        current = {held.ref.task_id: held.phases.current for held in self}
        return {task_id: phase for task_id, phase in current.items() if phase is not None}
