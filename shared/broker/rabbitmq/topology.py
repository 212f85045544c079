"""How queues are declared in RabbitMQ: always with the same arguments, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed

from shared.broker.protocol import OnMissing, QueueSpec, QueueStats, queue_spec
from shared.broker.rabbitmq.link import TRANSPORT_ERRORS

log = structlog.get_logger(__name__)

_UNLIMITED_DELIVERIES = 1_000_000_000  # RabbitMQ 3.10 refuses -1, 4.x drops after 20 by default
_CONSUMER_TIMEOUT_MILLISECONDS = 30 * 60 * 1000
_DELETE_SECONDS = 20.0  # RabbitMQ itself waits for the missing leader for five
_AS_FOUND_HINT = (
    "a queue keeps the type and arguments it was made with; to have it as the settings say, "
    "`rabbitmqctl delete_queue` it once it is empty: it is made anew at once"
)
_SILENT_HINT = (
    "if all nodes of RabbitMQ are up, it has no leader any more: "
    "`rabbitmqctl delete_queue` it, and it is made anew"
)

Arguments = dict[str, str | int]


def queue_arguments(spec: QueueSpec, *, quorum: bool) -> Arguments:
    """What is declared beside the name: every limit is set here, none is left to the server.

    A quorum queue has no `x-max-priority` (RabbitMQ refuses it).
    """
    arguments: Arguments = {"x-consumer-timeout": _CONSUMER_TIMEOUT_MILLISECONDS}
    if quorum:
        arguments |= {"x-queue-type": "quorum", "x-delivery-limit": _UNLIMITED_DELIVERIES}
    else:
        arguments["x-queue-type"] = "classic"
        if spec.max_priority is not None:
            arguments["x-max-priority"] = spec.max_priority
    if spec.expires_seconds is not None:
        arguments["x-expires"] = spec.expires_seconds * 1000
    return arguments


class Topology:
    """Declares, counts and deletes queues, each time on a channel of its own.

    An error of such a command closes its channel, which must disturb nobody else.
    """

    def __init__(self, *, quorum: bool) -> None:
        self._quorum = quorum
        self._used_as_found: set[str] = set()

    async def declare(self, connection: AbstractConnection, name: str) -> None:
        """Make sure that the queue `name` is there, bound to its exchange if it has one."""
        spec = queue_spec(name)
        try:
            async with _channel(connection) as channel:
                await self._declare(channel, spec)
        except (ChannelPreconditionFailed, ChannelAccessRefused) as error:
            # The setting was changed, or an operator declared it differently or declares all
            # himself: use what is there.
            self._warn_once(name, str(error))
            async with _channel(connection) as channel:
                await channel.queue_declare(name, passive=True)
                if isinstance(error, ChannelPreconditionFailed):
                    await _bind(channel, spec)

    async def stats(self, connection: AbstractConnection, name: str) -> QueueStats | None:
        try:
            async with _channel(connection) as channel:
                found = await channel.queue_declare(name, passive=True)
        except ChannelNotFoundEntity:  # the answer to the question
            return None
        return QueueStats(name, found.message_count or 0, found.consumer_count or 0)

    async def delete(self, connection: AbstractConnection, name: str) -> None:
        async with _channel(connection) as channel:
            await channel.queue_delete(name)

    async def mend_silent(self, connection: AbstractConnection, name: str) -> None:
        """Do what can be done for a queue that gives no answer; its consumer then tries again.

        A quorum queue that was declared less than a second before RabbitMQ was killed stays without
        a leader for ever (seen on 3.10.8 and 4.0.5), and all that is published to it is held up.
        But so does one that has lost the majority of its nodes for a while, with all that is in it.
        """
        if queue_spec(name).on_missing is OnMissing.DROP:
            log.warning("queue_recreated", queue=name)
            async with asyncio.timeout(_DELETE_SECONDS):
                await self.delete(connection, name)
        else:
            log.error("queue_timed_out", queue=name, hint=_SILENT_HINT)

    async def _declare(self, channel: AbstractChannel, spec: QueueSpec) -> None:
        arguments = queue_arguments(spec, quorum=self._quorum)
        await channel.queue_declare(spec.name, durable=True, arguments=dict(arguments))
        await _bind(channel, spec)

    def _warn_once(self, name: str, reason: str) -> None:
        if name not in self._used_as_found:
            self._used_as_found.add(name)
            log.warning("queue_used_as_found", queue=name, reason=reason, hint=_AS_FOUND_HINT)


async def _bind(channel: AbstractChannel, spec: QueueSpec) -> None:
    if spec.exchange is not None:
        await channel.exchange_declare(spec.exchange, exchange_type="fanout", durable=True)
        await channel.queue_bind(spec.name, spec.exchange)


@asynccontextmanager
async def _channel(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    channel = await connection.channel(publisher_confirms=False)
    try:
        yield channel
    finally:
        with suppress(*TRANSPORT_ERRORS):  # the command's own error is the one to tell
            await channel.close()
