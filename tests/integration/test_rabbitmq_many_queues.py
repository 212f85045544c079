"""Very many queues: tasks may ask for as many as there are of them."""

import asyncio

import pytest

from shared.broker.rabbitmq.broker import RabbitBroker
from tests.support.servers.brokers import wait_until_up
from tests.support.servers.rabbitmq import PrivateRabbit

pytestmark = pytest.mark.real

MOST_CHANNELS = 2047


async def test_all_queues_may_be_asked_for_at_once_and_consumers_stay(
    private_rabbit: PrivateRabbit,
) -> None:
    broker = RabbitBroker(private_rabbit.url)
    await broker.start()
    await wait_until_up(broker)
    async with broker.consume("default", prefetch=1) as consumer:
        names = [f"none-{number}" for number in range(MOST_CHANNELS + 100)]
        assert set(await asyncio.gather(*map(broker.queue_stats, names))) == {None}
        assert consumer.is_live
    await broker.close()
