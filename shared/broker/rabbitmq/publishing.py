"""Publishing to RabbitMQ: declares a queue before its first message, and again when it is gone."""

import asyncio
from collections.abc import Sequence, Set
from contextlib import suppress

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
        self._leaving: set[asyncio.Task[None]] = set()

    async def publish(self, letters: Sequence[Letter]) -> None:
        """Return when all are confirmed. Raises BrokerUnavailable, at once when not connected."""
        connection = self._link.connection
        with unavailable_on_failure("publishing"):
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._publish(connection, letters)
            except (TimeoutError, BrokerUnavailable):
                self._leave_channel()
                raise

    async def close(self) -> None:
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _leave_channel(self) -> None:
        """Go on with another one.

        When a cluster has lost a node, a channel may refuse all that is for a quorum queue, for
        ever: it goes on asking the leader that is gone (seen on 3.10.8). A new one asks the new.
        """
        channel, self._channel = self._channel, None
        if channel is not None:
            task = asyncio.create_task(self._close_later(channel))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _close_later(self, channel: ConfirmedChannel) -> None:
        """When whatever is under way on it has ended, well or not."""
        await asyncio.sleep(self._timeout_seconds)
        with suppress(BrokerUnavailable), unavailable_on_failure("closing"):
            async with asyncio.timeout(self._timeout_seconds):
                await channel.close()

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
