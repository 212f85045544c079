"""A quorum queue without a leader: RabbitMQ was killed right after the queue had been declared."""

import asyncio

import pytest
from structlog.testing import capture_logs

from shared.broker.protocol import BrokerUnavailable
from shared.broker.publisher import Publisher
from shared.messages.queues import node_queue
from tests.support.eventually import eventually
from tests.support.servers.brokers import (
    come_back,
    fresh_queue,
    outgoing,
    receive_texts,
    started_rabbit,
    wait_until_up,
)
from tests.support.servers.rabbitmq import PrivateRabbit

pytestmark = pytest.mark.real


async def lose_leader(server: PrivateRabbit, queue: str) -> None:
    """Kill the server before the queue is on its disk, which takes it half a second."""
    while True:
        async with started_rabbit(server.url, is_quorum=True) as broker:
            await wait_until_up(broker)
            await broker.delete_queue(queue)
            async with broker.consume(queue, prefetch=1):
                server.kill()
        is_lost = not server.has_registered(queue)
        await come_back(server)
        if is_lost:
            return


async def test_that_of_a_worker_is_made_anew(each_rabbit: PrivateRabbit) -> None:
    own = node_queue(fresh_queue())
    await lose_leader(each_rabbit, own)
    async with (
        started_rabbit(each_rabbit.url, is_quorum=True) as broker,
        broker.consume(own, prefetch=1) as consumer,
    ):
        await wait_until_up(broker)
        await broker.publish([outgoing(own, "granted")])
        assert await receive_texts(consumer) == ["granted"]


async def test_any_other_holds_up_its_own_until_an_operator_deletes_it_as_the_log_says(
    each_rabbit: PrivateRabbit,
) -> None:
    async def is_said() -> bool:
        return any(line["event"] == "queue_timed_out" for line in logged)

    queue, second, third = fresh_queue(), fresh_queue(), fresh_queue()
    await lose_leader(each_rabbit, queue)
    with capture_logs() as logged:
        async with (
            started_rabbit(each_rabbit.url, is_quorum=True, confirm_timeout_seconds=5) as broker,
            broker.consume(queue, prefetch=1) as consumer,
            broker.consume(second, prefetch=1) as another,
        ):
            await eventually(is_said)
            assert broker.missing == [f"consumer of {queue}"]
            with pytest.raises(BrokerUnavailable):
                await broker.publish([outgoing(queue, "lost")])

            # Known by now, it no longer holds up what is sent together with its own
            both = [outgoing(queue, "lost as well"), outgoing(second, "not held up")]
            held_up = asyncio.create_task(broker.publish(both))
            assert await receive_texts(another) == ["not held up"]
            await broker.publish([outgoing(third, "sent")])
            assert not held_up.done()
            with pytest.raises(BrokerUnavailable):
                await held_up

            await asyncio.to_thread(each_rabbit.ctl, "delete_queue", queue)

            await asyncio.wait_for(Publisher(broker).send([outgoing(queue, "heard")]), 60)
            assert await receive_texts(consumer) == ["heard"]
