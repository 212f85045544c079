"""All by which a worker takes tasks: closed when it is told to take none, or leaves."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from services.worker.attempt import AttemptContext
from services.worker.capacity import Capacity
from services.worker.held_tasks import HeldTasks, Interruption
from services.worker.intake import FreeCapacity, Intake
from services.worker.kept.keeper import Keeper
from services.worker.kept.record import KeptExecution
from services.worker.node_hold import NodeHold
from services.worker.placed_intake import PlacedIntake
from shared.broker.protocol import Broker
from shared.messages import Availability
from shared.messages.queues import node_task_queue
from shared.process.run import Stop

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 10.0
_CLOSED_BECAUSE: dict[Availability, str] = {
    "cordoned": "the worker is cordoned",
    "draining": "the worker is being drained",
    "rejected": "the worker is not approved",
}


class Intakes:
    def __init__(
        self,
        context: AttemptContext,
        held_tasks: HeldTasks,
        broker: Broker,
        total: Capacity,
        max_executions: int,
        on_changed: Callable[[], None],
        keeper: Keeper | None = None,
    ) -> None:
        """Closed until `open_when_answered`. `on_changed` is called when heartbeats have something
        new to tell."""
        self.availability: Availability = "active"
        self._hold: NodeHold = context.hold
        self._hold.on_changed = self._on_hold_changed
        self._may_open = False
        self.is_placeable = False
        self._answered = asyncio.Event()
        self._held_tasks = held_tasks
        self._on_changed = on_changed
        placed_queue = node_task_queue(context.node_id)
        free = FreeCapacity(replace(total, slots={**total.slots, placed_queue: max_executions}))
        self._queued = [Intake(context, held_tasks, broker, queue, free) for queue in total.slots]
        self._placed = PlacedIntake(context, held_tasks, broker, free, self._on_subscribed, keeper)
        self._is_leaving = False
        for intake in self._queued:
            intake.close()

    async def open_when_answered(self, seconds: float | None) -> None:
        """Take from queues once the scheduler has said whether to, or hasn't within `seconds`
        (None: however long that takes): one that was cordoned may have been restarted."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._answered.wait()
        self._may_open = True
        self._open_or_close()

    def follow(self, availability: Availability) -> None:
        """The scheduler, or an administrator, says whether tasks may be taken."""
        if self._is_leaving:
            return
        self._answered.set()
        if availability == "active":
            self._hold.forget_failures()
        if availability == self.availability:
            return
        log.info("availability_changed", before=self.availability, now=availability)
        self.availability = availability
        self._may_open = True
        self._open_or_close()
        if availability == "rejected":
            self._held_tasks.interrupt_all(Interruption.DRAINED)
        self._on_changed()

    def go_on_with(self, left: KeptExecution) -> bool:
        """Go on with what another worker has left; False where that can't be now."""
        may_run = not self._is_leaving and self.availability != "rejected"
        return may_run and self._placed.go_on_with(left)

    async def drain(self, stop: Stop, grace_seconds: float) -> None:
        """Take no more, give what runs the time to end, hand the rest back."""
        log.info("drain_started", tasks=len(self._held_tasks))
        self._is_leaving = True
        self._answered.set()
        drains = [intake.drain() for intake in self._queued]
        emptied = asyncio.gather(*drains, self._placed.drain())
        for held in self._held_tasks:
            if not held.is_granted:
                held.interrupt(Interruption.DRAINED)
        aborted = asyncio.create_task(stop.wait_abort())
        ends: list[asyncio.Future[Any]] = [emptied, aborted]
        await asyncio.wait(ends, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        aborted.cancel()
        self._held_tasks.leave_all()
        # Bounded: with the broker away nothing can be handed back. The leases run out then.
        rest = asyncio.gather(emptied, self._placed.emptied())
        await asyncio.wait([rest], timeout=_GOODBYE_SECONDS)
        if len(self._held_tasks):
            log.error("tasks_abandoned", tasks=len(self._held_tasks))

    async def leave(self) -> None:
        """When it is known that this worker is gone."""
        await self._placed.leave()

    def _on_subscribed(self) -> None:
        self.is_placeable = True
        self._on_changed()

    def _on_hold_changed(self) -> None:
        self._open_or_close()
        self._on_changed()

    def _open_or_close(self) -> None:
        """As an administrator and failures have it."""
        if self._is_leaving:
            return
        if self.availability != "active":
            self._close(_CLOSED_BECAUSE[self.availability])
        elif (hold := self._hold.current) is not None:
            self._close(f"the worker is on hold: {hold.reason}")
        elif self._may_open:
            self._open()

    def _open(self) -> None:
        for intake in self._queued:
            intake.open()
        self._placed.open()

    def _close(self, reason: str) -> None:
        for intake in self._queued:
            intake.close()
        self._placed.close(reason)
