"""Messages that are taken from a queue one by one, on a channel of their own, without a consumer.

RabbitMQ can't show what is in a queue: who wants to see has to take it, and to give it back. It
goes back to its place, unless consumers of the queue have taken what came after it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp.commands import Basic

from shared.broker.protocol import BrokerUnavailable, Delivery
from shared.broker.rabbitmq.acks import Acks
from shared.broker.rabbitmq.delivery import PublishLetter, RabbitDelivery
from shared.broker.rabbitmq.failures import TRANSPORT_ERRORS, unavailable_on_failure


class Peek:
    """Taken in `begin`; in `end` the rest goes back, and the answers have arrived."""

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
