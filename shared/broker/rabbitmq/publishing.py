"""Publishing to RabbitMQ: declares a queue before its first message, and again when it is gone."""

import asyncio
from collections.abc import Sequence, Set

from aiormq.abc import AbstractConnection

from shared.broker.protocol import BrokerUnavailable, OnMissing, Outgoing, queue_spec
from shared.broker.rabbitmq.confirmed_channel import ConfirmedChannel, Letter
from shared.broker.rabbitmq.failures import unavailable_on_failure
from shared.broker.rabbitmq.link import Link
from shared.broker.rabbitmq.topology import Topology


def letter_for(message: Outgoing) -> Letter:
    """Where `message` goes. To a queue whose absence drops it, it is sent without asking back."""
    spec = queue_spec(message.queue)
    return Letter(
        exchange=spec.exchange or "",
        routing_key="" if spec.exchange else spec.name,
        body=message.body,
        message_id=message.message_id,
        priority=message.priority,
        mandatory=spec.on_missing is OnMissing.DECLARE,
    )


def _queue_of(letter: Letter) -> str:
    return letter.routing_key or letter.exchange


class Publishing:
    """One confirmed channel, opened again after each loss; what is declared is remembered with it.

    `timeout_seconds` is for the whole of a publish.
    """

    def __init__(self, link: Link, topology: Topology, timeout_seconds: float) -> None:
        self._link = link
        self._topology = topology
        self._timeout_seconds = timeout_seconds
        self._channel: ConfirmedChannel | None = None
        self._declared: set[str] = set()
        self._preparing = asyncio.Lock()

    async def publish(self, letters: Sequence[Letter]) -> None:
        """Return when all are confirmed. Raises BrokerUnavailable, at once when not connected."""
        connection = self._link.connection
        with unavailable_on_failure("publishing"):
            async with asyncio.timeout(self._timeout_seconds):
                await self._publish(connection, letters)

    async def _publish(self, connection: AbstractConnection, letters: Sequence[Letter]) -> None:
        returned = await self._attempt(connection, letters)
        if returned:  # their queues were deleted after we had declared them
            self._declared.difference_update(map(_queue_of, returned))
            returned = await self._attempt(connection, returned)
        if returned:
            raise BrokerUnavailable(f"no queue takes messages for {_queue_of(returned[0])!r}")

    async def _attempt(
        self, connection: AbstractConnection, letters: Sequence[Letter]
    ) -> list[Letter]:
        needed = {_queue_of(letter) for letter in letters if letter.mandatory}
        channel = await self._prepared(connection, needed)
        return await channel.publish(letters)

    async def _prepared(self, connection: AbstractConnection, needed: Set[str]) -> ConfirmedChannel:
        """The channel, open, with each queue in `needed` declared."""
        channel = self._channel
        if channel is not None and self._fits(channel, connection) and self._declared >= needed:
            return channel
        async with self._preparing:
            return await self._prepare(connection, needed)

    async def _prepare(self, connection: AbstractConnection, needed: Set[str]) -> ConfirmedChannel:
        if self._channel is None or not self._fits(self._channel, connection):
            # What was declared may be gone too: a missing exchange closes the channel.
            self._declared.clear()
            self._channel = await ConfirmedChannel.open(connection)
        for name in needed - self._declared:
            await self._topology.declare(connection, name)
            self._declared.add(name)
        return self._channel

    @staticmethod
    def _fits(channel: ConfirmedChannel, connection: AbstractConnection) -> bool:
        return channel.connection is connection and not channel.is_closed
