"""The messages door: takes what has arrived, reads it, has it handled, answers for it.

A message that can't be read, or that this queue has no use for, or whose handling fails for a
reason that will not pass, is dead-lettered with that reason. What will pass goes back, after a
pause, so that no retry is hot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from shared.broker.protocol import Broker, BrokerUnavailable, Consumer, DeadLetterReason, Delivery
from shared.messages import Message, UndecodableMessage, decode

log = structlog.get_logger(__name__)

M = TypeVar("M")

Failures = Sequence[BaseException | None]
"""For each handled message what went wrong with it, or None. What a handler raises went wrong
with at least one of them."""

Kinds = type[M] | tuple[type[M], ...]

Handler = Callable[[Sequence[M]], Awaitable[Failures]]

_PREFETCH = 400
_BATCH = 200
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


async def read(broker: Broker, delivery: Delivery, queue: str, kind: Kinds[M]) -> M | None:
    """The message, if it is of a kind this queue has a use for; otherwise it is dead-lettered."""
    if delivery.redelivered:
        broker.consumer_counts.on_redelivered(queue)
    try:
        message: Message = decode(delivery.body)
    except UndecodableMessage as error:
        await _dead_letter(broker, delivery, queue, "undecodable", f"undecodable: {error}")
        return None
    if not isinstance(message, kind):
        reason = f"unexpected kind {message.kind!r}"
        await _dead_letter(broker, delivery, queue, "unexpected kind", reason)
        return None
    return message


async def _dead_letter(
    broker: Broker, delivery: Delivery, queue: str, sort: DeadLetterReason, reason: str
) -> None:
    log.error("message_dead_lettered", queue=queue, id=delivery.message_id, reason=reason)
    try:
        await delivery.dead_letter(reason)
    except BrokerUnavailable:
        # Unanswered, it comes again when the broker is back, and is dead-lettered then.
        log.warning("dead_lettering_postponed", queue=queue, id=delivery.message_id)
    else:
        broker.consumer_counts.on_dead_lettered(queue, sort)


@dataclass(eq=False)
class BatchConsumer(Generic[M]):
    """Consumes one queue in batches until cancelled. `kind` is the message type it expects, or
    several.

    `unavailable` are the errors that pass: their messages go back.
    """

    _broker: Broker
    _queue: str
    _kind: Kinds[M]
    _handle: Handler[M]
    _unavailable: tuple[type[Exception], ...]
    _pause: float = field(init=False, default=0.0)

    async def run(self) -> None:
        async with self._broker.consume(self._queue, prefetch=_PREFETCH) as consumer:
            while True:
                await self._round(consumer)

    async def _round(self, consumer: Consumer) -> None:
        deliveries = await consumer.batch(_BATCH)
        readable: list[tuple[Delivery, M]] = []
        for delivery in deliveries:
            message = await read(self._broker, delivery, self._queue, self._kind)
            if message is not None:
                readable.append((delivery, message))
        if not readable:
            return
        failures = await self._handled([message for _, message in readable])
        passing = False
        for (delivery, _), failure in zip(readable, failures, strict=True):
            passing |= await self._answer(delivery, failure)
        self._pause = self._next_pause() if passing else 0.0
        if passing:
            log.warning("messages_requeued", queue=self._queue, pause_seconds=self._pause)
            await asyncio.sleep(self._pause)

    async def _handled(self, messages: Sequence[M]) -> Failures:
        """If a batch fails each message is handled alone: only the one to blame fails."""
        try:
            return await self._handle(messages)
        except self._unavailable as error:
            return [error] * len(messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the consumer
            if len(messages) == 1:
                return [error]
        return [failure for message in messages for failure in await self._handled([message])]

    async def _answer(self, delivery: Delivery, failure: BaseException | None) -> bool:
        """Acknowledge, send back or dead-letter; True when it went back."""
        if failure is None:
            await delivery.ack()
        elif isinstance(failure, self._unavailable):
            await delivery.requeue()
            self._broker.consumer_counts.on_requeued(self._queue)
            return True
        else:
            reason = f"{type(failure).__name__}: {failure}"
            await _dead_letter(self._broker, delivery, self._queue, "failed", reason)
        return False

    def _next_pause(self) -> float:
        return min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
