"""The broker of `conveyor dev`: queues in memory, within one event loop."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.broker.inbox import Inbox
from shared.broker.protocol import (
    BrokerUnavailable,
    Consumer,
    ConsumerCounts,
    DeadLetterInfo,
    Delivery,
    OnMissing,
    Outgoing,
    QueueStats,
    Subscription,
    queue_spec,
)
from shared.messages.queues import DEAD_LETTERS


@dataclass(slots=True)
class Message:
    """A message on its way; `dead_letter_info` is set on a dead letter."""

    body: bytes
    message_id: str
    priority: int
    redelivered: bool = False
    dead_letter_info: DeadLetterInfo | None = None


class InProcessQueue:
    """Messages by priority, handed to the consumers with room in turn; all steps are O(1)."""

    def __init__(self, name: str, max_priority: int) -> None:
        self.name = name
        self.consumers: set[InProcessConsumer] = set()
        self._levels: list[deque[Message]] = [deque() for _ in range(max_priority + 1)]
        self._with_room: deque[InProcessConsumer] = deque()

    @property
    def size(self) -> int:
        return sum(map(len, self._levels))

    @property
    def unhandled(self) -> int:
        """Messages that wait, and those that were handed out and not answered."""
        return self.size + sum(consumer.unanswered for consumer in self.consumers)

    @property
    def subscribers(self) -> int:
        return sum(consumer.is_live for consumer in self.consumers)

    def put(self, message: Message) -> None:
        self._level(message).append(message)
        self._hand_out()

    def put_back(self, message: Message) -> None:
        """To the front of its priority: it was the oldest there when it was handed out."""
        message.redelivered = True
        self._level(message).appendleft(message)
        self._hand_out()

    def offer_room(self, consumer: "InProcessConsumer") -> None:
        """`consumer` can take one more than before."""
        if not consumer.is_offering:
            consumer.is_offering = True
            self._with_room.append(consumer)
        self._hand_out()

    def _level(self, message: Message) -> deque[Message]:
        return self._levels[max(0, min(message.priority, len(self._levels) - 1))]

    def _hand_out(self) -> None:
        while self._with_room and (message := self._next()) is not None:
            consumer = self._with_room.popleft()
            consumer.is_offering = False
            if consumer.queue is not self or not consumer.has_room:
                self._level(message).appendleft(message)  # it left while it stood in line
                continue
            consumer.receive(message)
            if consumer.has_room:
                consumer.is_offering = True
                self._with_room.append(consumer)

    def _next(self) -> Message | None:
        for level in reversed(self._levels):
            if level:
                return level.popleft()
        return None


class InProcessConsumer:
    def __init__(
        self, queue: InProcessQueue, prefetch: int, dead_letter: Callable[[Message], None]
    ) -> None:
        self.queue = queue
        self.dead_letter = dead_letter
        self.is_offering = False  # stands in its queue's line of consumers with room
        self._prefetch = prefetch
        self.is_live = False
        self._inbox = Inbox()
        self._unanswered: dict[InProcessDelivery, None] = {}  # in the order of arrival
        queue.consumers.add(self)

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self._inbox.__aiter__()

    async def batch(self, limit: int) -> list[Delivery]:
        return await self._inbox.batch(limit)

    @property
    def has_room(self) -> bool:
        return self.is_live and len(self._unanswered) < self._prefetch

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    async def cancel(self) -> None:
        self.is_live = False
        for delivery in reversed(self._inbox.drain()):  # the oldest ends up in front
            await delivery.requeue()

    async def resume(self) -> None:
        self.is_live = True
        self.queue.offer_room(self)

    async def peek(self) -> list[Delivery]:
        """What waits, up to the prefetch, and nothing from then on."""
        await self.resume()
        taken = self._inbox.drain()
        await self.cancel()
        return taken

    def leave(self) -> None:
        self.is_live = False
        self.queue.consumers.discard(self)
        self._inbox.drain()
        for delivery in reversed(tuple(self._unanswered)):
            delivery.put_back()

    def move_to(self, queue: InProcessQueue) -> None:
        """The queue was deleted: what was handed out is gone with it, answers to it are no-ops."""
        self.queue.consumers.discard(self)
        self.queue, self.is_offering = queue, False
        queue.consumers.add(self)
        self._inbox.drain()
        self._unanswered.clear()
        queue.offer_room(self)

    def receive(self, message: Message) -> None:
        delivery = InProcessDelivery(message, self.queue, self)
        self._unanswered[delivery] = None
        self._inbox.put(delivery)

    def forget(self, delivery: "InProcessDelivery") -> bool:
        """Take `delivery` off what is due; False when it was answered or is gone already."""
        try:
            del self._unanswered[delivery]
        except KeyError:  # a second answer, or one that comes after the end: a no-op
            return False
        return True


class InProcessDelivery:
    __slots__ = ("_consumer", "_message", "_queue", "redelivered")

    def __init__(
        self, message: Message, queue: InProcessQueue, consumer: InProcessConsumer
    ) -> None:
        self._message = message
        self._queue = queue
        self._consumer = consumer
        self.redelivered = message.redelivered

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def message_id(self) -> str:
        return self._message.message_id

    @property
    def dead_letter_info(self) -> DeadLetterInfo | None:
        return self._message.dead_letter_info

    async def ack(self) -> None:
        if self._consumer.forget(self):
            self._consumer.queue.offer_room(self._consumer)

    async def requeue(self) -> None:
        self.put_back()

    async def dead_letter(self, reason: str) -> None:
        if self._consumer.forget(self):
            body, message_id = self._message.body, self._message.message_id
            info = DeadLetterInfo(self._queue.name, reason, datetime.now(UTC))
            self._consumer.dead_letter(Message(body, message_id, priority=0, dead_letter_info=info))
            self._consumer.queue.offer_room(self._consumer)

    def put_back(self) -> None:
        if self._consumer.forget(self):
            self._queue.put_back(self._message)
            self._consumer.queue.offer_room(self._consumer)


class InProcessBroker:
    """Nothing survives the process: `conveyor dev` sends again from the task rows at start.

    The fan-out exchange of a queue is the queue itself, because one queue is all that is bound to
    it; `expires_seconds` is ignored, because a node lives as long as the process.
    """

    def __init__(self) -> None:
        self.consumer_counts = ConsumerCounts()
        self._queues: dict[str, InProcessQueue] = {}
        self.is_up = False

    async def start(self) -> None:
        self.is_up = True

    async def close(self) -> None:
        self.is_up = False

    @property
    def missing(self) -> Sequence[str]:
        return () if self.is_up else ("in-process broker",)

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        return [
            Subscription(name, consumer.is_live, consumer.is_live)
            for name, queue in self._queues.items()
            for consumer in queue.consumers
        ]

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """As the protocol; a message is in its queue when this returns, and nothing is awaited."""
        self._check_up()
        for message in messages:
            queue = self._queues.get(message.queue) or self._declare_for_publish(message.queue)
            if queue is not None:
                queue.put(Message(message.body, message.message_id, message.priority))

    @asynccontextmanager
    async def consume(self, queue: str, *, prefetch: int) -> AsyncIterator[Consumer]:
        consumer = InProcessConsumer(self._declare(queue), prefetch, self._dead_letter)
        await consumer.resume()
        try:
            yield consumer
        finally:
            consumer.leave()

    @asynccontextmanager
    async def peek(self, queue: str, limit: int) -> AsyncIterator[Sequence[Delivery]]:
        self._check_up()
        if queue not in self._queues:
            yield []
            return
        taker = InProcessConsumer(self._queues[queue], limit, self._dead_letter)
        try:
            yield await taker.peek()
        finally:
            taker.leave()

    def unhandled(self, name: str) -> int:
        """Messages of a queue that wait or are not answered: what would be lost by a stop now."""
        queue = self._queues.get(name)
        return 0 if queue is None else queue.unhandled

    async def queue_stats(self, name: str) -> QueueStats | None:
        self._check_up()
        queue = self._queues.get(name)
        return None if queue is None else QueueStats(name, queue.size, queue.subscribers)

    async def delete_queue(self, name: str) -> None:
        self._check_up()
        deleted = self._queues.pop(name, None)
        if deleted is not None and deleted.consumers:
            fresh = self._declare(name)
            for consumer in tuple(deleted.consumers):
                consumer.move_to(fresh)

    def _check_up(self) -> None:
        if not self.is_up:
            raise BrokerUnavailable("the in-process broker is not running")

    def _declare(self, name: str) -> InProcessQueue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = InProcessQueue(name, queue_spec(name).max_priority or 0)
        return queue

    def _declare_for_publish(self, name: str) -> InProcessQueue | None:
        return None if queue_spec(name).on_missing is OnMissing.DROP else self._declare(name)

    def _dead_letter(self, message: Message) -> None:
        self._declare(DEAD_LETTERS).put(message)
