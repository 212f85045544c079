"""Takes the executions that are placed on this worker, and gives back what has no room.

Nobody else reads the queue `node.<id>.tasks`, so a message is acknowledged when it is read: what a
dead worker leaves there is dispatched anew when the scheduler finds its node gone.
"""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from services.worker.attempt import Attempt, AttemptContext
from services.worker.capacity import Demand, demand_by
from services.worker.held_tasks import HeldTask, HeldTasks, Interruption
from services.worker.intake import FreeCapacity, without_defects
from services.worker.kept.keeper import Keeper
from services.worker.kept.record import KeptExecution
from shared.broker.consuming import read
from shared.broker.protocol import Broker
from shared.messages import Returned, RunTask
from shared.messages.queues import node_task_queue

log = structlog.get_logger(__name__)

_PREFETCH = 100
_ROOM_PATIENCE_SECONDS = 10.0
"""How long an execution waits for room that should be there: the one before it has been reported,
and is being cleaned up. Nor is the placement of what never fits a hot loop."""
_KEPT_RUNNING = ("service", "daemon")


class PlacedIntake:
    def __init__(
        self,
        context: AttemptContext,
        held_tasks: HeldTasks,
        broker: Broker,
        free: FreeCapacity,
        on_subscribed: Callable[[], None],
        keeper: Keeper | None = None,
    ) -> None:
        """Begins at once. `on_subscribed` is called when the queue is there: what is placed here
        before is lost."""
        self._keeper = keeper
        self._broker = broker
        self._on_subscribed = on_subscribed
        self._context = context
        self._held_tasks = held_tasks
        self._free = free
        self._closed_because: str | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._kept_running: dict[HeldTask, asyncio.Task[None] | None] = {}
        self.queue = node_task_queue(context.node_id)
        self._consuming = asyncio.create_task(self._consume())

    def close(self, reason: str) -> None:
        """Give back what comes, with this reason; what runs goes on."""
        self._closed_because = reason
        self._free.wake()

    def open(self) -> None:
        """Take executions again."""
        self._closed_because = None

    async def drain(self) -> None:
        """Take nothing further; returns when those have ended that do so by themselves. Of the
        others, those are ended now that can't outlive this worker."""
        self.close("the worker is leaving")
        for held in self._kept_running:
            if not held.entry.is_kept:
                held.interrupt(Interruption.DRAINED)
        while ending := self._serving - self._outliving():
            await asyncio.wait(ending)

    async def emptied(self) -> None:
        """Returns when the last has ended, or was left."""
        while self._serving:
            await asyncio.wait(self._serving)

    def go_on_with(self, left: KeptExecution) -> bool:
        """What another worker has left; False where there is no room for it."""
        demand = demand_by(left.order.resources or {}, self.queue, is_placed=True)
        if not self._free.reserve(demand):
            return False
        self._begin(self._run(left.order, demand, left))
        return True

    def _outliving(self) -> set[asyncio.Task[None] | None]:
        return {task for held, task in self._kept_running.items() if held.entry.is_kept}

    async def leave(self) -> None:
        """Read no more: nobody may place anything here now."""
        self._consuming.cancel()
        await asyncio.gather(self._consuming, return_exceptions=True)

    async def _consume(self) -> None:
        async with self._broker.consume(self.queue, prefetch=_PREFETCH) as consumer:
            self._on_subscribed()
            async for delivery in consumer:
                order = await read(self._broker, delivery, self.queue, RunTask)
                if order is not None:
                    self._begin(self._serve(order))
                    await delivery.ack()

    def _begin(self, serve: Coroutine[None, None, None]) -> None:
        serving = asyncio.create_task(without_defects(serve))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, order: RunTask) -> None:
        demand = demand_by(order.resources or {}, self.queue, is_placed=True)
        if (reason := await self._reserved(demand)) is not None:
            await self._give_back(order, reason)
            return
        kept = self._keeper.begin(order) if self._keeper and is_kept_running(order) else None
        await self._run(order, demand, kept)

    async def _reserved(self, demand: Demand) -> str | None:
        """None when there is room, and it is reserved; or why it can't be."""
        deadline = asyncio.get_running_loop().time() + _ROOM_PATIENCE_SECONDS
        while self._closed_because is None:
            released, shortage = self._free.released, self._free.shortage(demand)
            if shortage is None:
                self._free.reserve(demand)
                return None
            if not self._free.total.fits(demand):
                return shortage
            try:
                async with asyncio.timeout_at(deadline):
                    await released.wait()
            except TimeoutError:
                return shortage
        return self._closed_because

    async def _run(self, order: RunTask, demand: Demand, kept: KeptExecution | None) -> None:
        """What it takes is reserved."""
        held = self._held_tasks.take(order.ref, is_found=kept is not None and kept.is_left)
        try:
            if held is None:
                self._context.metrics.repeated.inc()
                return  # a copy of what runs or has run here
            if is_kept_running(order):
                self._kept_running[held] = asyncio.current_task()
            await Attempt(self._context, order, held, kept).run()
        finally:
            if held is not None:
                self._kept_running.pop(held, None)
                self._held_tasks.drop(held)
            self._free.release(demand)

    async def _give_back(self, order: RunTask, reason: str) -> None:
        name = self._context.settings.name
        log.info("execution_returned", job=order.job_id, task=order.task_id, reason=reason)
        error = f"worker {name} could not take it: {reason}"
        await self._context.reporter.report(Returned(**order.ref.model_dump(), error=error))


def is_kept_running(order: RunTask) -> bool:
    """Whether it is of a service or a daemon."""
    execution = order.definition.get("execution")
    return isinstance(execution, dict) and execution.get("type") in _KEPT_RUNNING
