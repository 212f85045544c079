"""The broker protocol over RabbitMQ."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from yarl import URL

from shared.broker.protocol import (
    Broker,
    Consumer,
    ConsumerCounts,
    Delivery,
    Outgoing,
    QueueStats,
    Subscription,
)
from shared.broker.rabbitmq.consumer import Peek, RabbitConsumer
from shared.broker.rabbitmq.link import Link, unavailable_on_failure
from shared.broker.rabbitmq.publishing import Letter, Publishing, letter_for
from shared.broker.rabbitmq.topology import Topology
from shared.process.settings.blocks import BrokerSettings

# aiormq writes through a queue of ten. When that is full, it never answers the close of a channel,
# which is how RabbitMQ says that there is no such queue; the channel's next user then costs all of
# us the connection. Nor has a connection more than 2,047 channels.
_COUNTED_AT_ONCE = 3


class RabbitBroker:
    """Two connections: RabbitMQ stops reading from one that publishes while it is short of memory
    or disk, and acknowledgements, which would help, must not be stuck behind that.

    `url` is amqp:// or amqps://, as RabbitMQ documents it. `quorum` declares quorum queues.
    """

    def __init__(
        self,
        url: str,
        *,
        quorum: bool = False,
        confirm_timeout_seconds: float = 10.0,
        heartbeat_seconds: int = 10,
    ) -> None:
        self.consumer_counts = ConsumerCounts()
        address = URL(url)
        self._address = f"{address.host}:{address.port or 5672}"
        self._timeout_seconds = confirm_timeout_seconds
        self._outward = Link(url, "publishing", heartbeat_seconds=heartbeat_seconds)
        self._inward = Link(url, "consuming", heartbeat_seconds=heartbeat_seconds)
        self._topology = Topology(quorum=quorum)
        self._publishing = Publishing(self._outward, self._topology, confirm_timeout_seconds)
        self._consumers: set[RabbitConsumer] = set()
        self._counting = asyncio.Semaphore(_COUNTED_AT_ONCE)

    async def start(self) -> None:
        # aiormq logs each failed attempt and each lost channel; ours are one line per change.
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)
        self._outward.start()
        self._inward.start()

    async def close(self) -> None:
        await self._publishing.close()
        await asyncio.gather(self._outward.close(), self._inward.close())

    @property
    def is_up(self) -> bool:
        return self._outward.is_up and self._inward.is_up

    @property
    def missing(self) -> Sequence[str]:
        missing = [] if self.is_up else [f"connection to RabbitMQ at {self._address}"]
        gone = (c.queue for c in self._consumers if c.is_wanted and not c.is_live)
        return [*missing, *(f"consumer of {name}" for name in sorted(set(gone)))]

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        return [Subscription(c.queue, c.is_wanted, c.is_live) for c in self._consumers]

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if messages:
            await self._publishing.publish([letter_for(message) for message in messages])

    @asynccontextmanager
    async def consume(self, queue: str, *, prefetch: int) -> AsyncIterator[Consumer]:
        consumer = RabbitConsumer(
            queue, prefetch, self._inward, self._topology, self._publish_letter
        )
        self._consumers.add(consumer)
        try:
            await consumer.enter()
            yield consumer
        finally:
            self._consumers.discard(consumer)
            await consumer.leave()

    @asynccontextmanager
    async def peek(self, queue: str, limit: int) -> AsyncIterator[Sequence[Delivery]]:
        peek = Peek(queue, self._publish_letter, self._timeout_seconds)
        taken = await peek.begin(self._inward.connection, limit)
        try:
            yield taken
        finally:
            await peek.end()

    async def queue_stats(self, name: str) -> QueueStats | None:
        async with self._counting:
            with unavailable_on_failure("counting"):
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._topology.stats(self._inward.connection, name)

    async def delete_queue(self, name: str) -> None:
        with unavailable_on_failure("deleting"):
            async with asyncio.timeout(self._timeout_seconds):
                await self._topology.delete(self._inward.connection, name)

    async def _publish_letter(self, letter: Letter) -> None:
        await self._publishing.publish([letter])


@asynccontextmanager
async def open_broker(settings: BrokerSettings) -> AsyncIterator[Broker]:
    """The broker that the settings name, while the context lasts; it connects in the background."""
    broker = RabbitBroker(
        settings.url.get_secret_value(),
        quorum=settings.queue_type == "quorum",
        confirm_timeout_seconds=settings.confirm_timeout_seconds,
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.close()
