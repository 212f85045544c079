"""The acknowledgements of one channel, written together: a system call for each is what they cost.

All that are given in one turn of the event loop go out in one write right after it.
"""

import asyncio
from contextlib import suppress

from aiormq.abc import AbstractChannel, ChannelFrame
from pamqp.base import Frame
from pamqp.commands import Basic

_LOOK_SECONDS = 1.0


class Acks:
    """Once the channel is closed an answer is a no-op: the message will be redelivered."""

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
