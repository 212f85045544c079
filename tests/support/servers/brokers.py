"""Words for tests of brokers: messages, names, and waiting for what a broker comes to."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest
from _pytest.mark import ParameterSet

from shared.broker.protocol import Broker, Consumer, Delivery, Outgoing
from shared.broker.rabbitmq.broker import RabbitBroker
from tests.support.eventually import eventually
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.servers.rabbitmq_installations import FOUR
from tests.support.servers.rabbitmq_versions import RABBIT_KINDS, RabbitKind


def _with_in_process(kinds: Iterable[RabbitKind]) -> list[str | ParameterSet]:
    real = [pytest.param(kind, id=str(kind), marks=pytest.mark.real) for kind in kinds]
    return ["in-process", *real]


BROKERS = _with_in_process(RABBIT_KINDS)
BROKERS_WITH_PRIORITIES = _with_in_process(kind for kind in RABBIT_KINDS if not kind.is_quorum)
BROKERS_WITH_TWO_PRIORITIES = _with_in_process(
    kind for kind in RABBIT_KINDS if kind.version == FOUR or not kind.is_quorum
)
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.01


@asynccontextmanager
async def started_rabbit(
    url: str, is_quorum: bool, confirm_timeout_seconds: float = 10
) -> AsyncIterator[RabbitBroker]:
    """A service's end of it, up or not yet."""
    broker = RabbitBroker(url, quorum=is_quorum, confirm_timeout_seconds=confirm_timeout_seconds)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.close()


async def come_back(server: PrivateRabbit) -> None:
    server.launch()
    await asyncio.to_thread(server.wait_ready)


def fresh_queue() -> str:
    """A task queue's name that nobody has used."""
    return f"q-{uuid.uuid4().hex}"


def outgoing(queue: str, text: str, *, priority: int = 0) -> Outgoing:
    return Outgoing(queue, text.encode(), f"id-{text[:20]}", priority)


async def receive(consumer: Consumer, count: int = 1) -> list[Delivery]:
    """The next `count` deliveries, unanswered."""
    received: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(received) < count:
            received += await consumer.batch(count - len(received))
    return received


async def receive_texts(consumer: Consumer, count: int = 1) -> list[str]:
    """The next `count` texts, each acknowledged before the next is awaited."""
    texts = []
    for _ in range(count):
        [delivery] = await receive(consumer)
        texts.append(delivery.body.decode())
        await delivery.ack()
    return texts


async def wait_until_up(broker: Broker) -> None:
    async def is_up() -> bool:
        return broker.is_up and not broker.missing

    await eventually(is_up, PATIENCE_SECONDS)


async def wait_until_down(broker: Broker) -> None:
    async def is_down() -> bool:
        return not broker.is_up

    await eventually(is_down, PATIENCE_SECONDS)


async def wait_until_registered(servers: Sequence[PrivateRabbit], queues: Sequence[str]) -> None:
    """Wait until these quorum queues would outlive a kill -9 of these servers."""

    async def are_registered() -> bool:
        return all(server.has_registered(queue) for server in servers for queue in queues)

    await eventually(are_registered, PATIENCE_SECONDS)


async def wait_until_size(broker: Broker, queue: str, size: int) -> None:
    """Wait until `size` messages wait in `queue`, handed out ones not counted."""

    async def has_size() -> bool:
        stats = await broker.queue_stats(queue)
        return stats is not None and stats.size == size

    await eventually(has_size, PATIENCE_SECONDS)
