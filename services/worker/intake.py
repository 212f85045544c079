"""Takes tasks from one queue, as many at once as there is room for, and answers their messages.

A message stays unacknowledged while its task is short, so a worker that dies gives it back at once.
When the task lives past `hold_seconds` its consumer is cancelled and the message acknowledged, and
consuming goes on when the task is over: the broker never waits long for an answer.

An intake has a consumer with a prefetch of one for each slot, not one consumer with a prefetch of
all slots. RabbitMQ counts by consumer and lets no prefetch be changed: one consumer would have to
be replaced by one with a smaller window whenever a task is held long, and again whenever one of the
tasks ends that came by the old one, as those no longer count. Between the two the broker pushes a
message that no slot is free for, and it lies behind tasks of any length though another worker could
run it.
"""

import asyncio
from collections.abc import Awaitable

import structlog

from services.worker.attempt import Attempt, AttemptContext
from services.worker.capacity import Capacity, Demand, Resource, demand_by, demand_of
from services.worker.held_tasks import HeldTasks
from shared.broker.consuming import read
from shared.broker.protocol import Broker, Consumer, Delivery
from shared.messages import RunTask

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0


class FreeCapacity:
    """What is free of a worker's capacity, shared by its intakes."""

    def __init__(self, total: Capacity) -> None:
        self.total = self._free = total
        self.released = asyncio.Event()  # set, and replaced, when something has become free

    def reserve(self, demand: Demand) -> bool:
        """False when it doesn't fit now."""
        if fits := self._free.fits(demand):
            self._free = self._free.reserve(demand)
        return fits

    def release(self, demand: Demand) -> None:
        self._free = self._free.release(demand)
        self.wake()

    def wake(self) -> None:
        """Have all look again who wait for room."""
        self.released.set()
        self.released = asyncio.Event()

    def shortage(self, demand: Demand) -> str | None:
        """What there is too little of for `demand`, or None when it fits."""
        if self._free.fits(demand):
            return None
        lacking = [self._lack_of(resource, demand) for resource in self._free.lacking(demand)]
        return ", ".join(lacking) or f"all {self.total.slots[demand.queue]} executions are in use"

    def _lack_of(self, resource: Resource, demand: Demand) -> str:
        free, total = (c.amounts.get(resource, 0) for c in (self._free, self.total))
        wanted = demand.amounts[resource]
        return f"{max(free, 0)} of {total} {resource.value} are free, {wanted} are wanted"


class Intake:
    def __init__(
        self,
        context: AttemptContext,
        held_tasks: HeldTasks,
        broker: Broker,
        queue: str,
        free: FreeCapacity,
    ) -> None:
        """Begins at once; `free` says how many slots the queue has."""
        self.is_open = True
        self.context = context
        self.held_tasks = held_tasks
        self.broker = broker
        self.queue = queue
        self.free = free
        self._slots = [_Slot(self) for _ in range(free.total.slots[queue])]

    def close(self) -> None:
        """Take no further task; those in hand go on."""
        self.is_open = False
        for slot in self._slots:
            slot.leave_if_idle()

    def open(self) -> None:
        """Take tasks again."""
        self.is_open = True
        self._slots = [_Slot(self) if slot.is_leaving else slot for slot in self._slots]

    async def drain(self) -> None:
        """Take no further task; returns when the last has ended."""
        self.close()
        await asyncio.gather(*(slot.serving for slot in self._slots), return_exceptions=True)

    def demand_of(self, order: RunTask) -> Demand:
        total = self.free.total
        if not total.limited:
            # Not held back by what it takes; but placed executions are.
            return total.within(demand_by(order.resources or {}, self.queue))
        try:
            return total.within(demand_of(self.context.definitions.read(order).spec, self.queue))
        except Exception:  # noqa: BLE001 - its attempt meets the same, and says what is wrong
            return Demand(self.queue)


class _Slot:
    """One consumer, for a task at a time."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._is_idle = True
        self._is_paused = False
        self._room: asyncio.Event | None = None
        self.is_leaving = False
        self.serving = asyncio.create_task(self._run())

    def leave_if_idle(self) -> None:
        if self._is_idle:
            self.is_leaving = True
            self.serving.cancel()

    async def _run(self) -> None:
        intake = self._intake
        await intake.context.watch.wait_up()
        async with intake.broker.consume(intake.queue, prefetch=1) as consumer:
            while intake.is_open:
                await self._end_pause(consumer)
                [delivery] = await consumer.batch(1)
                self._is_idle = False
                await self._serve_safely(consumer, delivery)
                self._is_idle = True
            self.is_leaving = True

    async def _pause(self, consumer: Consumer) -> None:
        """Before a message is answered: the broker would follow it up with the next one."""
        await consumer.cancel()
        self._is_paused = True

    async def _end_pause(self, consumer: Consumer) -> None:
        """Not while the runtime is away: until then tasks are better off with other workers."""
        if self._is_paused:
            if self._room is not None:
                await self._room.wait()
                self._room = None
            await self._intake.context.watch.wait_up()
            await consumer.resume()
            self._is_paused = False

    async def _serve_safely(self, consumer: Consumer, delivery: Delivery) -> None:
        try:
            await self._serve(consumer, delivery)
        except Exception:  # a defect: it must be seen, but must not leave the slot deaf
            log.exception("delivery_failed", queue=self._intake.queue)
            await asyncio.sleep(_PAUSE_SECONDS)
            await delivery.requeue()
            self._is_paused = True

    async def _serve(self, consumer: Consumer, delivery: Delivery) -> None:
        intake = self._intake
        order = await read(intake.broker, delivery, intake.queue, RunTask)
        if order is None:
            return None
        demand, released = intake.demand_of(order), intake.free.released
        if not intake.free.reserve(demand):
            # Back to its queue, for a worker that has room. This one looks again when something
            # has ended since `released` was read: an end in between must not be slept through.
            await self._pause(consumer)
            self._room = released
            return await delivery.requeue()
        try:
            await self._run_task(consumer, delivery, order)
        finally:
            intake.free.release(demand)

    async def _run_task(self, consumer: Consumer, delivery: Delivery, order: RunTask) -> None:
        held_tasks, context = self._intake.held_tasks, self._intake.context
        held = held_tasks.take(order.ref)
        if held is None:
            context.metrics.repeated.inc()
            return await delivery.ack()  # a copy of what runs or has run here
        running = asyncio.create_task(Attempt(context, order, held).run())
        try:
            await asyncio.wait([running], timeout=context.settings.hold_seconds)
            if not running.done() or context.watch.missing() or not self._intake.is_open:
                await self._pause(consumer)
            await delivery.ack()
            await without_defects(running)
        finally:
            held_tasks.drop(held)


async def without_defects(running: Awaitable[None]) -> None:
    """Run it to its end; a defect is logged."""
    try:
        await running
    except Exception:
        # A bug of ours. The task's lease runs out and it is dispatched anew; the slot lives on.
        log.exception("attempt_failed")
