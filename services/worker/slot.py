"""One place for one task: takes a message from its queue, runs the task, answers the message.

The message stays unacknowledged while its task is short, so a worker that dies gives it back at
once. When the task lives past `hold_seconds` the slot stops consuming, acknowledges, and consumes
again when it is free: the broker never waits long for an answer, and with a prefetch of one no
message lies behind a long task.
"""

import asyncio

import structlog

from services.worker.attempt import Attempt
from services.worker.attempt_context import AttemptContext
from services.worker.held_tasks import HeldTasks
from shared.broker import Broker, Consumer, Delivery
from shared.broker.consuming import read
from shared.messages import RunTask

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0


class Slot:
    def __init__(
        self, context: AttemptContext, held_tasks: HeldTasks, broker: Broker, queue: str
    ) -> None:
        self._context = context
        self._held_tasks = held_tasks
        self._broker = broker
        self._queue = queue
        self._is_idle = True
        self._is_leaving = False
        self._is_paused = False
        self._serving = asyncio.create_task(self._run())

    def leave(self) -> "asyncio.Task[None]":
        """Take no further task; the returned one is done when the slot is empty."""
        self._is_leaving = True
        if self._is_idle:
            self._serving.cancel()
        return self._serving

    async def _run(self) -> None:
        await self._context.watch.wait_up()
        async with self._broker.consume(self._queue, prefetch=1) as consumer:
            while not self._is_leaving:
                await self._end_pause(consumer)
                [delivery] = await consumer.batch(1)
                self._is_idle = False
                await self._serve_safely(consumer, delivery)
                self._is_idle = True

    async def _end_pause(self, consumer: Consumer) -> None:
        """Not while the runtime is away: until then tasks are better off with other workers."""
        if self._is_paused:
            await self._context.watch.wait_up()
            await consumer.resume()
            self._is_paused = False

    async def _serve_safely(self, consumer: Consumer, delivery: Delivery) -> None:
        try:
            await self._serve(consumer, delivery)
        except Exception:  # a defect: it must be seen, but must not leave the slot deaf
            log.exception("slot failed", queue=self._queue)
            await asyncio.sleep(_PAUSE_SECONDS)
            await delivery.requeue()
            self._is_paused = True

    async def _serve(self, consumer: Consumer, delivery: Delivery) -> None:
        order = await read(self._broker, delivery, self._queue, RunTask)
        if order is None:
            return
        held = self._held_tasks.take(order.ref)
        if held is None:
            self._context.metrics.repeated.inc()
            await delivery.ack()  # a copy of what runs or has run here
            return
        running = asyncio.create_task(Attempt(self._context, order, held).run())
        try:
            await self._hold(consumer, delivery, running)
        finally:
            self._held_tasks.drop(held)

    async def _hold(
        self, consumer: Consumer, delivery: Delivery, running: "asyncio.Task[None]"
    ) -> None:
        await asyncio.wait([running], timeout=self._context.settings.hold_seconds)
        if not running.done() or self._context.watch.missing():
            # Before the answer: the broker would follow it up with the next message.
            await consumer.cancel()
            self._is_paused = True
        await delivery.ack()
        await _log_defect(running)


async def _log_defect(running: "asyncio.Task[None]") -> None:
    try:
        await running
    except Exception:
        # A bug of ours. The task's lease runs out and it is dispatched anew; the slot lives on.
        log.exception("attempt failed")
