"""One channel that consumes one queue, with the answers to what it has received."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from pamqp import commands

from shared.broker.protocol import BrokerUnavailable
from shared.broker.rabbitmq.answers import Answers
from shared.broker.rabbitmq.failures import unavailable_on_failure

_COMMAND_SECONDS = 10.0

Receive = Callable[[DeliveredMessage, Answers], None]


class ConsumingChannel:
    """`receive` gets each message; `on_end` is called when RabbitMQ ends the subscription, or the
    channel ends. `begin` and `stop` may alternate as long as the channel is open.
    """

    def __init__(
        self, channel: AbstractChannel, receive: Receive, on_end: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._answers = Answers(channel)
        self._receive = receive
        self._on_end = on_end
        self._is_abandoned = False
        self._tag: str | None = None
        channel.on_consumer_cancel_callbacks.add(self._on_cancelled_by_server)
        channel.closing.add_done_callback(lambda _: self._end())

    @classmethod
    async def open(
        cls,
        connection: AbstractConnection,
        receive: Receive,
        on_end: Callable[[], None],
    ) -> "ConsumingChannel":
        return cls(await connection.channel(publisher_confirms=False), receive, on_end)

    @property
    def is_open(self) -> bool:
        return self._answers.is_open

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
                await self._answers.finish()
                await self._channel.close(ConnectionAbortedError("the consumer has left"))

    async def abandon(self) -> None:
        """Close it; what it still brings, and its end, are told to nobody."""
        self._is_abandoned = True
        await self.close()

    async def _on_message(self, message: DeliveredMessage) -> None:
        if not self._is_abandoned:
            self._receive(message, self._answers)

    def _on_cancelled_by_server(self, frame: commands.Basic.Cancel) -> None:
        if frame.consumer_tag == self._tag:
            self._end()

    def _end(self) -> None:
        self._tag = None
        if not self._is_abandoned:
            self._on_end()
