"""What quorum queues are for: a node of RabbitMQ is killed, and nothing is lost or stands still."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest
from yarl import URL

from shared.broker.publisher import Publisher
from tests.chaos.links import Link
from tests.support.servers.brokers import (
    PATIENCE_SECONDS,
    come_back,
    fresh_queue,
    outgoing,
    receive,
    receive_texts,
    started_rabbit,
    wait_until_registered,
    wait_until_up,
)
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.servers.rabbitmq_fixtures import private_rabbit_of
from tests.support.servers.rabbitmq_installations import VERSIONS

pytestmark = pytest.mark.real


@pytest.fixture(params=VERSIONS)
def nodes(request: pytest.FixtureRequest) -> Iterator[list[PrivateRabbit]]:
    """A cluster of three."""
    with ExitStack() as running:
        first = running.enter_context(private_rabbit_of(request.param))
        others = [PrivateRabbit(first.installation, beside=first) for _ in range(2)]
        for node in others:
            running.callback(node.close)
            node.start()
        yield [first, *others]


@asynccontextmanager
async def balanced(node: PrivateRabbit) -> AsyncIterator[Link]:
    """What stands in front of a cluster; it leads to `node` first."""
    link = Link(node.port)
    await link.open()
    try:
        yield link
    finally:
        await link.close()


async def test_work_goes_on_when_a_node_of_the_cluster_is_killed(
    nodes: list[PrivateRabbit],
) -> None:
    first, second, third = nodes
    queue = fresh_queue()
    async with (
        balanced(first) as link,
        started_rabbit(str(URL(first.url).with_port(link.port)), is_quorum=True) as broker,
        broker.consume(queue, prefetch=10) as consumer,
    ):
        await wait_until_up(broker)
        # Given messages of which some are under way
        await broker.publish([outgoing(queue, f"{n:02}") for n in range(20)])
        await receive(consumer, 10)
        await wait_until_registered(nodes, [queue])
        # When the node that everything goes through is killed
        link.lead_to(second.port)
        await asyncio.to_thread(first.kill)
        # Then all of them come, and new ones are taken
        await asyncio.wait_for(Publisher(broker).send([outgoing(queue, "20")]), PATIENCE_SECONDS)
        texts = await receive_texts(consumer, 21)
        assert sorted(texts) == [f"{n:02}" for n in range(21)]
        await wait_until_up(broker)
        # And once it is back, another may go
        await come_back(first)
        await asyncio.to_thread(third.kill)
        await asyncio.wait_for(Publisher(broker).send([outgoing(queue, "21")]), PATIENCE_SECONDS)
        assert await receive_texts(consumer) == ["21"]
