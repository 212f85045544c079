"""A message received from RabbitMQ, and the three ways to answer it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from aiormq.abc import AbstractChannel, ChannelFrame, DeliveredMessage
from pamqp.base import Frame
from pamqp.commands import Basic

from shared.broker.backoff import Backoff
from shared.broker.protocol import BrokerUnavailable, DeadLetterInfo
from shared.broker.rabbitmq.publishing import Letter, stable_message_id
from shared.messages.queues import DEAD_LETTERS

_LOOK_SECONDS = 1.0

QUEUE_HEADER = "x-conveyor-queue"
REASON_HEADER = "x-conveyor-reason"
AT_HEADER = "x-conveyor-at"
_LONGEST_REASON = 2000  # all headers must fit into one frame
PublishLetter = Callable[[Letter], Awaitable[None]]


class Acks:
    """The answers of one channel, written together: a system call for each is what they cost.

    All that are given in one turn of the event loop go out in one write right after it.
    Once the channel is closed an answer is a no-op: the message will be redelivered.
    """

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._due: list[Frame] = []
        self._sender: asyncio.Task[None] | None = None
        self._is_finished = False

    @property
    def is_open(self) -> bool:
        """The connection forgets a channel the moment its close arrives, before the channel knows.

        RabbitMQ closes the whole connection over an answer that comes after the channel's end.
        """
        channel = self._channel
        is_known = channel.connection.channels.get(channel.number) is channel
        return is_known and not channel.is_closed and not self._is_finished

    def acknowledge(self, tag: int) -> None:
        self._give(Basic.Ack(delivery_tag=tag))

    def send_back(self, tag: int) -> None:
        self._give(Basic.Nack(delivery_tag=tag, requeue=True))

    async def finish(self) -> None:
        """Return when all is written; what is answered from now on is not sent."""
        if self._sender is not None:
            await self._sender
        self._is_finished = True

    def _give(self, answer: Frame) -> None:
        if not self.is_open:
            return
        self._due.append(answer)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._due and self.is_open:
            # No room for that long: the connection may have died, and then there never will be.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._send_due()

    async def _send_due(self) -> None:
        due = tuple(self._due)
        frame = ChannelFrame.marshall(self._channel.number, due)
        await self._channel.connection.write_queue.put(frame)
        del self._due[: len(due)]


class RabbitDelivery:
    def __init__(
        self, message: DeliveredMessage, queue: str, acks: Acks, publish: PublishLetter
    ) -> None:
        self._message = message
        self._queue = queue
        self._acks = acks
        self._publish = publish
        self._is_due = True

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def message_id(self) -> str:
        return stable_message_id(self._message.header.properties.message_id or "")

    @property
    def redelivered(self) -> bool:
        return bool(self._message.redelivered)

    @property
    def dead_letter_info(self) -> DeadLetterInfo | None:
        headers = self._message.header.properties.headers or {}
        if REASON_HEADER not in headers:
            return None
        queue, reason = str(headers.get(QUEUE_HEADER)), str(headers[REASON_HEADER])
        return DeadLetterInfo(queue, reason, _time(headers.get(AT_HEADER)))

    async def ack(self) -> None:
        if self._take():
            self._acks.acknowledge(self._tag)

    async def requeue(self) -> None:
        if self._take():
            self._acks.send_back(self._tag)

    async def dead_letter(self, reason: str) -> None:
        """As the protocol. While it can't be published it is tried again: a requeue would be hot.

        It ends when the channel is gone, because then the message is delivered again.
        """
        if self._take() and await self._has_moved(self._dead_letter(reason)):
            self._acks.acknowledge(self._tag)

    async def _has_moved(self, dead_letter: Letter) -> bool:
        backoff = Backoff()
        while self._acks.is_open:
            try:
                await self._publish(dead_letter)
            except BrokerUnavailable:  # try again, for as long as the message is ours
                await backoff.wait()
            else:
                return True
        return False

    def _dead_letter(self, reason: str) -> Letter:
        headers = {
            QUEUE_HEADER: self._queue,
            REASON_HEADER: reason[:_LONGEST_REASON],
            AT_HEADER: datetime.now(UTC).isoformat(),
        }
        return Letter("", DEAD_LETTERS, self.body, self.message_id, headers=headers)

    @property
    def _tag(self) -> int:
        return self._message.delivery_tag or 0

    def _take(self) -> bool:
        """Whether the answer is still due; only the first caller hears yes."""
        was_due, self._is_due = self._is_due, False
        return was_due


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:  # dead-lettered by a version that did not note it
        return None
