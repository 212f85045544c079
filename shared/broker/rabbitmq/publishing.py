"""Publishing to RabbitMQ: declares a queue before its first message, and again when it is gone."""

import asyncio
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiormq import Channel
from aiormq.abc import AbstractConnection, ChannelFrame, DeliveredMessage
from pamqp import commands
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from shared.broker.protocol import BrokerUnavailable, OnMissing, Outgoing, queue_spec
from shared.broker.rabbitmq.link import Link, unavailable_on_failure
from shared.broker.rabbitmq.topology import Topology

log = structlog.get_logger(__name__)

_PERSISTENT = 2
_MESSAGES_PER_WRITE = 100  # more gains nothing, and other channels would wait
_NUMBER_MARK = "#"
_LONGEST_ID_BYTES = 255  # of a short string in AMQP

Confirmation = asyncio.Future[object]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and its address. With `mandatory` it comes back when it reaches no queue."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    priority: int = 0
    mandatory: bool = True
    headers: dict[str, str] | None = None

    @property
    def queue(self) -> str:
        return self.routing_key or self.exchange


def _wire_id(message_id: str, number: int) -> str:
    """Whatever others have called their message, it must fit, else nothing could dead-letter it."""
    mark = f"{_NUMBER_MARK}{number}".encode()
    kept = message_id.encode()[: _LONGEST_ID_BYTES - len(mark)].decode(errors="ignore")
    return kept + mark.decode()


def stable_message_id(wire_id: str) -> str:
    """The sender's id, from that on the wire (see `ConfirmedChannel`)."""
    stable, mark, _ = wire_id.rpartition(_NUMBER_MARK)
    return stable if mark else wire_id


class ConfirmedChannel:
    """Publishes many messages in one write and waits for all their confirms together.

    aiormq's `basic_publish` takes one message and wants a task for each that is under way. This
    writes the frames of a whole batch at once, and leaves the confirms to aiormq's own bookkeeping:
    three times the messages a second for a quarter of the CPU.

    On the wire `#<number>` is added to a message's id.

    aiormq finds a returned message by its id alone. Were the same message under way twice, the
    return of one would be taken for that of the other, and a lost message for a confirmed one.
    """

    def __init__(self, channel: Channel, on_unconfirmed: Callable[[str], None]) -> None:
        """`on_unconfirmed` is told the queue of the first message that a publish was given up for:
        RabbitMQ takes what comes by a channel in turn, so all others may only stand behind it."""
        self._channel = channel
        self._on_unconfirmed = on_unconfirmed

    @classmethod
    async def open(
        cls, connection: AbstractConnection, on_unconfirmed: Callable[[str], None]
    ) -> "ConfirmedChannel":
        channel = await connection.channel(publisher_confirms=True, on_return_raises=False)
        if not isinstance(channel, Channel):
            raise TypeError(f"aiormq made a {type(channel).__name__}, not a Channel")
        return cls(channel, on_unconfirmed)

    @property
    def connection(self) -> AbstractConnection:
        return self._channel.connection

    @property
    def is_closed(self) -> bool:
        """The connection forgets a channel the moment its close arrives, before the channel knows.

        RabbitMQ closes the whole connection over a message that comes after the channel's end.
        """
        channel = self._channel
        return channel.is_closed or self.connection.channels.get(channel.number) is not channel

    async def close(self) -> None:
        """Raises what aiormq raises."""
        await self._channel.close(ConnectionAbortedError("closed by this service"))

    async def publish(self, letters: Sequence[Letter]) -> list[Letter]:
        """Send all and wait for their confirms; those that reached no queue.

        Raises BrokerUnavailable when one was refused, and what aiormq raises when it is closed.
        """
        confirmations: list[Confirmation] = []
        for start in range(0, len(letters), _MESSAGES_PER_WRITE):
            confirmations += await self._write(letters[start : start + _MESSAGES_PER_WRITE])
        try:
            answers = await asyncio.gather(*confirmations, return_exceptions=True)
        except asyncio.CancelledError:  # out of time; a lost connection's confirms are answers
            for letter, confirmation in zip(letters, confirmations, strict=True):
                if confirmation.cancelled():
                    self._on_unconfirmed(letter.queue)
                    break
            raise
        return [
            letter
            for letter, answer in zip(letters, answers, strict=True)
            if _was_returned(letter, answer)
        ]

    async def _write(self, letters: Sequence[Letter]) -> list[Confirmation]:
        channel = self._channel
        async with channel.lock:
            first = channel.delivery_tag + 1
            wire_ids = [_wire_id(x.message_id, first + i) for i, x in enumerate(letters)]
            frames: list[Frame | ContentHeader | ContentBody] = []
            for letter, wire_id in zip(letters, wire_ids, strict=True):
                frames += self._frames(letter, wire_id)
            # Counted only once it stands in the queue: a cancellation while there is no room must
            # not put our numbers ahead of the broker's. Nothing can be confirmed in between,
            # because `put` does not let others run after it has put.
            await channel.write_queue.put(ChannelFrame.marshall(channel.number, frames))
            return [self._expect(wire_id) for wire_id in wire_ids]

    def _expect(self, wire_id: str) -> Confirmation:
        channel = self._channel
        channel.delivery_tag += 1
        confirmation: Confirmation = channel.create_future()
        channel.confirmations[channel.delivery_tag] = confirmation
        channel.message_id_delivery_tag[wire_id] = channel.delivery_tag
        confirmation.add_done_callback(lambda _: channel.message_id_delivery_tag.pop(wire_id, None))
        return confirmation

    def _frames(self, letter: Letter, wire_id: str) -> list[Frame | ContentHeader | ContentBody]:
        properties = commands.Basic.Properties(
            delivery_mode=_PERSISTENT,
            message_id=wire_id,
            priority=letter.priority,
            headers=dict(letter.headers) if letter.headers else None,
        )
        size = self._channel.max_content_size
        parts = range(0, len(letter.body), size)
        return [
            commands.Basic.Publish(
                exchange=letter.exchange,
                routing_key=letter.routing_key,
                mandatory=letter.mandatory,
            ),
            ContentHeader(properties=properties, body_size=len(letter.body)),
            *(ContentBody(letter.body[start : start + size]) for start in parts),
        ]


def _was_returned(letter: Letter, answer: object) -> bool:
    if isinstance(answer, DeliveredMessage):
        return True
    if isinstance(answer, commands.Basic.Ack):
        return False
    raise BrokerUnavailable(f"publishing to {letter.queue!r} was not confirmed: {answer!r}")


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


class Lane:
    """A confirmed channel, opened again after each loss; what is declared is remembered with it.

    `timeout_seconds` is for the whole of a publish. `leaving` gets the tasks that close channels.
    """

    def __init__(
        self,
        topology: Topology,
        timeout_seconds: float,
        on_unconfirmed: Callable[[str], None],
        leaving: set[asyncio.Task[None]],
    ) -> None:
        self._topology = topology
        self._timeout_seconds = timeout_seconds
        self._on_unconfirmed = on_unconfirmed
        self._leaving = leaving
        self._channel: ConfirmedChannel | None = None
        self._declared: set[str] = set()
        self._preparing = asyncio.Lock()

    async def publish(self, connection: AbstractConnection, letters: Sequence[Letter]) -> None:
        """Return when all are confirmed. Raises BrokerUnavailable, and what aiormq raises."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._publish(connection, letters)
        except (TimeoutError, BrokerUnavailable):
            self.leave_channel()
            raise

    def leave_channel(self) -> None:
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
            self._declared -= {letter.queue for letter in returned}
            returned = await self._attempt(connection, returned)
        if returned:
            raise BrokerUnavailable(f"no queue takes messages for {returned[0].queue!r}")

    async def _attempt(
        self, connection: AbstractConnection, letters: Sequence[Letter]
    ) -> list[Letter]:
        needed = {letter.queue for letter in letters if letter.mandatory}
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
            self._channel = await ConfirmedChannel.open(connection, self._on_unconfirmed)
        for name in needed - self._declared:
            await self._topology.declare(connection, name)
            self._declared.add(name)
        return self._channel

    @staticmethod
    def _fits(channel: ConfirmedChannel, connection: AbstractConnection) -> bool:
        return channel.connection is connection and not channel.is_closed


class Publishing:
    """All messages go by one lane, but for those of queues that don't confirm: each of these has a
    lane of its own until it does.

    A channel is held up for as long as it has a message for a queue without a leader: nothing that
    comes after that would be sent, to whatever queue.
    """

    def __init__(self, link: Link, topology: Topology, timeout_seconds: float) -> None:
        self._link = link
        self._topology = topology
        self._timeout_seconds = timeout_seconds
        self._leaving: set[asyncio.Task[None]] = set()
        self._common = self._lane()
        self._apart: dict[str, Lane] = {}

    async def publish(self, letters: Sequence[Letter]) -> None:
        """Return when all are confirmed. Raises BrokerUnavailable, at once when not connected.

        Some may have been sent then.
        """
        connection = self._link.connection
        with unavailable_on_failure("publishing"):
            if self._apart.keys().isdisjoint(letter.queue for letter in letters):
                await self._common.publish(connection, letters)
            else:
                await self._publish_by_lane(connection, letters)

    async def close(self) -> None:
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _publish_by_lane(
        self, connection: AbstractConnection, letters: Sequence[Letter]
    ) -> None:
        """A lane that fails keeps none of the others from sending."""
        common = [letter for letter in letters if letter.queue not in self._apart]
        sends = [self._common.publish(connection, common)] if common else []
        for name in self._apart.keys() & {letter.queue for letter in letters}:
            its = [letter for letter in letters if letter.queue == name]
            sends.append(self._publish_apart(connection, name, its))
        for end in await asyncio.gather(*sends, return_exceptions=True):
            if end is not None:
                raise end

    async def _publish_apart(
        self, connection: AbstractConnection, name: str, letters: Sequence[Letter]
    ) -> None:
        lane = self._apart[name]
        await lane.publish(connection, letters)
        if self._apart.pop(name, None) is not None:
            log.info("queue_confirmed", queue=name)
            lane.leave_channel()

    def _set_apart(self, name: str) -> None:
        if name not in self._apart:
            log.warning("queue_unconfirmed", queue=name)
            self._apart[name] = self._lane()

    def _lane(self) -> Lane:
        return Lane(self._topology, self._timeout_seconds, self._set_apart, self._leaving)
