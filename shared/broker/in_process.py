"""The broker of `conveyor dev`: queues in memory, within one event loop."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.broker.consumer_counts import ConsumerCounts
from shared.broker.in_process_queue import InProcessConsumer, InProcessQueue, Message
from shared.broker.protocol import (
    BrokerUnavailable,
    Consumer,
    Delivery,
    OnMissing,
    Outgoing,
    QueueStats,
    Subscription,
    queue_spec,
)
from shared.messages.queues import DEAD_LETTERS


class InProcessBroker:
    """Nothing survives the process: `conveyor dev` sends again from the task rows at start.

    The fan-out exchange of a queue is the queue itself, because one queue is all that is bound to
    it; `expires_seconds` is ignored, because a node lives as long as the process.
    """

    def __init__(self) -> None:
        self.consumer_counts = ConsumerCounts()
        self._queues: dict[str, InProcessQueue] = {}
        self._is_up = False

    async def start(self) -> None:
        self._is_up = True

    async def close(self) -> None:
        self._is_up = False

    @property
    def is_up(self) -> bool:
        return self._is_up

    @property
    def missing(self) -> Sequence[str]:
        return () if self._is_up else ("in-process broker",)

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
        if not self._is_up:
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
