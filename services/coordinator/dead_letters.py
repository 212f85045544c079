"""The messages that nobody could use: looked at, sent again, thrown away.

Looking takes them off their queue for a moment (no broker can show what it has), so what another
coordinator looks at just then can't be seen here. Within this one they take turns.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from shared.broker.protocol import Broker, Delivery, OnMissing, Outgoing, queue_spec
from shared.messages.queues import DEAD_LETTERS

LOOKED_AT = 500
"""No more are looked at: the oldest. They are held in memory."""


class CannotRequeue(Exception):
    """There is no queue to send it back to; the text says why."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`id` is the same each time it is looked at. `queue`, `reason` and `at` (aware) are unknown of
    what others have put there."""

    id: str
    message_id: str
    queue: str | None
    reason: str | None
    at: datetime | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """`letters` are the oldest, in order; `total` counts all there are."""

    letters: Sequence[DeadLetter]
    total: int


class DeadLetters:
    """Every method may raise BrokerUnavailable."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._turn = asyncio.Lock()

    async def look(self) -> Found:
        async with self._taken() as taken:
            letters = [dead_letter(delivery) for delivery in taken]
            waiting = await self._waiting()
        return Found(letters, len(letters) + waiting)

    async def one(self, letter_id: str) -> DeadLetter | None:
        async with self._taken() as taken:
            return next((letter for _, letter in _with_id(taken, letter_id)), None)

    async def requeue(self, letter_id: str) -> bool:
        """Send it to its queue again and forget it; False when there is none with that id.

        If this is cut off in between it lies in both places, and may be sent twice: every receiver
        bears that. Raises CannotRequeue.
        """
        async with self._taken() as taken:
            found = _with_id(taken, letter_id)
            for delivery, letter in found:
                await self._send(letter)
                await delivery.ack()
        return bool(found)

    async def requeue_all(self, queue: str | None) -> tuple[int, int]:
        """As `requeue`, of those that are looked at and come from `queue` (None: from any); how
        many, and how many can't be requeued and stay."""
        requeued = kept = 0
        async with self._taken() as taken:
            for delivery in taken:
                letter = dead_letter(delivery)
                if queue in (None, letter.queue):
                    try:
                        await self._send(letter)
                    except CannotRequeue:  # it is counted; the list says where it came from
                        kept += 1
                    else:
                        await delivery.ack()
                        requeued += 1
        return requeued, kept

    async def delete(self, letter_id: str) -> bool:
        """Whether there was one with that id."""
        async with self._taken() as taken:
            found = _with_id(taken, letter_id)
            for delivery, _ in found:
                await delivery.ack()
        return bool(found)

    async def purge(self) -> int:
        """Throw all away, however many; how many there were."""
        async with self._turn:
            count = await self._waiting()
            await self._broker.delete_queue(DEAD_LETTERS)
        return count

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[Sequence[Delivery]]:
        async with self._turn, self._broker.peek(DEAD_LETTERS, LOOKED_AT) as taken:
            yield taken

    async def _waiting(self) -> int:
        stats = await self._broker.queue_stats(DEAD_LETTERS)
        return 0 if stats is None else stats.size

    async def _send(self, letter: DeadLetter) -> None:
        if letter.queue is None:
            raise CannotRequeue("it does not name the queue it came from")
        is_dropped = queue_spec(letter.queue).on_missing is OnMissing.DROP
        if is_dropped and await self._broker.queue_stats(letter.queue) is None:
            raise CannotRequeue(f"its queue {letter.queue} no longer exists")
        await self._broker.publish([Outgoing(letter.queue, letter.body, letter.message_id)])


def dead_letter(delivery: Delivery) -> DeadLetter:
    info = delivery.dead_letter_info
    return DeadLetter(
        id=_id(delivery),
        message_id=delivery.message_id,
        queue=info.queue if info else None,
        reason=info.reason if info else None,
        at=info.at if info else None,
        body=delivery.body,
    )


def _with_id(taken: Sequence[Delivery], letter_id: str) -> list[tuple[Delivery, DeadLetter]]:
    """More than one only if they are alike to the letter."""
    return [(each, dead_letter(each)) for each in taken if _id(each) == letter_id]


def _id(delivery: Delivery) -> str:
    """Of all that tells it from others: a message's own id comes twice, or is missing."""
    said = f"{delivery.message_id}\0{delivery.dead_letter_info}\0".encode(errors="replace")
    return hashlib.sha256(said + delivery.body).hexdigest()[:32]
