"""A consumer of one RabbitMQ queue that subscribes again by itself, on a channel of its own.

A channel each, so that a cancel, an error or a deleted queue of one disturbs no other, and leaving
is one command: closing the channel sends back all that is unanswered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import structlog
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp import commands
from pamqp.commands import Basic

from shared.broker.backoff import Backoff
from shared.broker.inbox import Inbox
from shared.broker.protocol import BrokerUnavailable, Delivery
from shared.broker.rabbitmq.delivery import Acks, PublishLetter, RabbitDelivery
from shared.broker.rabbitmq.link import TRANSPORT_ERRORS, Link, unavailable_on_failure
from shared.broker.rabbitmq.topology import Topology

log = structlog.get_logger(__name__)


_COMMAND_SECONDS = 10.0

Receive = Callable[[DeliveredMessage, Acks], None]


class ConsumingChannel:
    """One channel that consumes one queue, with the answers to what it has received.

    `receive` gets each message; `on_end` is called when RabbitMQ ends the subscription, or the
    channel ends. `begin` and `stop` may alternate as long as the channel is open.
    """

    def __init__(
        self, channel: AbstractChannel, receive: Receive, on_end: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._acks = Acks(channel)
        self._receive = receive
        self._on_end = on_end
        self._is_abandoned = False
        self._tag: str | None = None
        channel.on_consumer_cancel_callbacks.add(self._on_cancelled_by_server)
        channel.closing.add_done_callback(lambda _: self._end())

    @property
    def is_open(self) -> bool:
        return self._acks.is_open

    @property
    def is_live(self) -> bool:
        return self._tag is not None and self.is_open

    async def begin(self, queue: str, prefetch: int) -> None:
        """Receive from `queue`. Raises what aiormq raises."""
        await self._channel.basic_qos(prefetch_count=prefetch)
        answer = await self._channel.basic_consume(queue, self._on_message)
        self._tag = answer.consumer_tag

    async def stop(self) -> None:
        """Receive no more; the channel stays, for what is still to be answered."""
        tag, self._tag = self._tag, None
        if tag is not None:
            # Unavailable: the channel is gone, and with it the subscription.
            with suppress(BrokerUnavailable), unavailable_on_failure("cancelling"):
                async with asyncio.timeout(_COMMAND_SECONDS):
                    await self._channel.basic_cancel(tag)

    async def close(self) -> None:
        """Close the channel: RabbitMQ takes back all that is unanswered."""
        self._tag = None
        # Unavailable: the channel is closed already, which is what we want.
        with suppress(BrokerUnavailable), unavailable_on_failure("closing"):
            async with asyncio.timeout(_COMMAND_SECONDS):
                await self._acks.finish()
                await self._channel.close(ConnectionAbortedError("the consumer has left"))

    async def abandon(self) -> None:
        """Close it; what it still brings, and its end, are told to nobody."""
        self._is_abandoned = True
        await self.close()

    async def _on_message(self, message: DeliveredMessage) -> None:
        if not self._is_abandoned:
            self._receive(message, self._acks)

    def _on_cancelled_by_server(self, frame: commands.Basic.Cancel) -> None:
        if frame.consumer_tag == self._tag:
            self._end()

    def _end(self) -> None:
        self._tag = None
        if not self._is_abandoned:
            self._on_end()


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
                    async with asyncio.timeout(_COMMAND_SECONDS):
                        await self._begin(connection)
                except TimeoutError:
                    await self._give_up_channel()
                    await self._topology.mend_silent(connection, self.queue)
                    raise

    async def _begin(self, connection: AbstractConnection) -> None:
        await self._topology.declare(connection, self.queue)
        if self._channel is None or not self._channel.is_open:
            channel = await connection.channel(publisher_confirms=False)
            self._channel = ConsumingChannel(channel, self._receive, self._on_end)
        await self._channel.begin(self.queue, self._prefetch)

    async def _give_up_channel(self) -> None:
        """On a channel with an unanswered command nothing will ever be answered again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.abandon()

    def _receive(self, message: DeliveredMessage, acks: Acks) -> None:
        self._inbox.put(RabbitDelivery(message, self.queue, acks, self._publish))

    def _on_end(self) -> None:
        """The queue was deleted or the channel lost: what is unread is gone, or comes again."""
        self._inbox.drain()
        self._lost.set()


class Peek:
    """Messages taken one by one, on a channel of their own, without a consumer.

    RabbitMQ can't show what is in a queue: who wants to see has to take it, and to give it back. It
    goes back to its place, unless consumers of the queue have taken what came after it.

    Taken in `begin`; in `end` the rest goes back, and the answers have arrived.
    """

    def __init__(self, queue: str, publish: PublishLetter, timeout_seconds: float) -> None:
        self._queue = queue
        self._publish = publish
        self._timeout_seconds = timeout_seconds
        self._channel: AbstractChannel | None = None
        self._acks: Acks | None = None
        self._taken: list[RabbitDelivery] = []

    async def begin(self, connection: AbstractConnection, limit: int) -> Sequence[Delivery]:
        """Up to `limit`; none when there is no such queue. Raises BrokerUnavailable."""
        with unavailable_on_failure("peeking"):
            async with asyncio.timeout(self._timeout_seconds):
                self._channel = await connection.channel(publisher_confirms=False)
                self._acks = Acks(self._channel)
                try:
                    await self._fill(self._channel, self._acks, limit)
                except ChannelNotFoundEntity:  # then there is nothing in it
                    self._channel = None
                except BaseException:
                    with suppress(*TRANSPORT_ERRORS):  # RabbitMQ takes back what was taken
                        await self._channel.close()
                    raise
        return self._taken

    async def end(self) -> None:
        """Raises BrokerUnavailable when the answers may not have arrived."""
        if self._channel is None or self._acks is None:
            return
        for delivery in self._taken:
            await delivery.requeue()
        with unavailable_on_failure("giving back"):
            async with asyncio.timeout(self._timeout_seconds):
                if not self._acks.is_open:
                    raise BrokerUnavailable("giving back: the connection was lost")
                await self._acks.finish()
                # Its answer comes after all that was sent before has been done.
                await self._channel.close()

    async def _fill(self, channel: AbstractChannel, acks: Acks, limit: int) -> None:
        while len(self._taken) < limit:
            message = await channel.basic_get(self._queue)
            if isinstance(message.delivery, Basic.GetEmpty):
                return
            self._taken.append(RabbitDelivery(message, self._queue, acks, self._publish))
