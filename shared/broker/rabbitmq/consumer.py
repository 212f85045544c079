"""A consumer of one RabbitMQ queue that subscribes again by itself, on a channel of its own.

A channel each, so that a cancel, an error or a deleted queue of one disturbs no other, and leaving
is one command: closing the channel sends back all that is unanswered.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiormq.abc import AbstractConnection, DeliveredMessage

from shared.broker.backoff import Backoff
from shared.broker.inbox import Inbox
from shared.broker.protocol import BrokerUnavailable, Delivery
from shared.broker.rabbitmq.answers import Answers
from shared.broker.rabbitmq.consuming_channel import ConsumingChannel
from shared.broker.rabbitmq.delivery import PublishLetter, RabbitDelivery
from shared.broker.rabbitmq.failures import unavailable_on_failure
from shared.broker.rabbitmq.link import Link
from shared.broker.rabbitmq.topology import Topology

log = structlog.get_logger(__name__)

_SUBSCRIBE_SECONDS = 10.0


class RabbitConsumer:
    def __init__(
        self, queue: str, prefetch: int, link: Link, topology: Topology, publish: PublishLetter
    ) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._link = link
        self._topology = topology
        self._publish = publish
        self._inbox = Inbox()
        self._channel: ConsumingChannel | None = None
        self._wanted = asyncio.Event()
        self._lost = asyncio.Event()
        self._tried = asyncio.Event()
        self._switching = asyncio.Lock()  # subscribing and cancelling exclude each other
        self._keeper: asyncio.Task[None] | None = None

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self._inbox.__aiter__()

    async def batch(self, limit: int) -> list[Delivery]:
        return await self._inbox.batch(limit)

    @property
    def is_live(self) -> bool:
        return self._channel is not None and self._channel.is_live

    @property
    def is_wanted(self) -> bool:
        return self._wanted.is_set()

    async def enter(self) -> None:
        """Subscribe, and return when that was tried once."""
        self._wanted.set()
        await self._link.wait_tried()
        self._keeper = asyncio.create_task(self._keep_subscribed())
        await self._tried.wait()

    async def leave(self) -> None:
        self._wanted.clear()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._inbox.drain()
        if self._channel is not None:
            await self._channel.close()

    async def cancel(self) -> None:
        self._wanted.clear()
        async with self._switching:
            if self._channel is not None:
                await self._channel.stop()
        for delivery in reversed(self._inbox.drain()):  # nobody has read these
            await delivery.requeue()
        self._lost.set()

    async def resume(self) -> None:
        """As the protocol; returns when subscribing was tried once."""
        if not self._wanted.is_set():
            self._tried.clear()
            self._wanted.set()
            await self._tried.wait()

    async def _keep_subscribed(self) -> None:
        backoff = Backoff()
        while True:
            await self._wanted.wait()
            is_subscribed = await self._try_to_subscribe()
            self._tried.set()
            if is_subscribed:
                await self._lost.wait()
            if self._wanted.is_set():
                await backoff.wait()
                await self._link.wait_up()

    async def _try_to_subscribe(self) -> bool:
        try:
            await self._subscribe()
        except BrokerUnavailable as error:  # tried again, for as long as it takes
            if self._link.is_up:
                log.warning("subscription_failed", queue=self.queue, reason=str(error))
            return False
        except Exception:  # a defect: it must be seen, but must not leave the service deaf
            log.exception("subscription_failed", queue=self.queue)
            return False
        return True

    async def _subscribe(self) -> None:
        connection = self._link.connection
        async with self._switching:
            if not self._wanted.is_set():  # cancelled while it waited for its turn
                return
            self._lost.clear()
            with unavailable_on_failure(f"subscribing to {self.queue!r}"):
                try:
                    async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                        await self._begin(connection)
                except TimeoutError:
                    await self._give_up_channel()
                    await self._topology.mend_silent(connection, self.queue)
                    raise

    async def _begin(self, connection: AbstractConnection) -> None:
        await self._topology.declare(connection, self.queue)
        if self._channel is None or not self._channel.is_open:
            self._channel = await ConsumingChannel.open(connection, self._receive, self._on_end)
        await self._channel.begin(self.queue, self._prefetch)

    async def _give_up_channel(self) -> None:
        """On a channel with an unanswered command nothing will ever be answered again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.abandon()

    def _receive(self, message: DeliveredMessage, answers: Answers) -> None:
        self._inbox.put(RabbitDelivery(message, self.queue, answers, self._publish))

    def _on_end(self) -> None:
        """The queue was deleted or the channel lost: what is unread is gone, or comes again."""
        self._inbox.drain()
        self._lost.set()
