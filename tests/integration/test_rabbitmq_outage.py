"""What happens to a service's messages and consumers when RabbitMQ goes away and comes back."""

import asyncio

import aiormq
import pytest
from structlog.testing import capture_logs

from shared.broker.protocol import BrokerUnavailable, QueueStats
from shared.broker.publisher import Publisher
from shared.messages.queues import EVENTS
from tests.support.eventually import eventually
from tests.support.servers.brokers import (
    come_back,
    fresh_queue,
    outgoing,
    receive,
    receive_texts,
    started_rabbit,
    wait_until_down,
    wait_until_registered,
    wait_until_size,
    wait_until_up,
)
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.servers.rabbitmq_versions import CLASSIC, QUORUM

pytestmark = pytest.mark.real


@pytest.fixture
def is_quorum(each_rabbit: PrivateRabbit) -> bool:
    """Each kind of queue on one of the servers. Both kinds on both are the chaos suite's."""
    return each_rabbit.installation.version.startswith("4.")


async def test_after_a_crash_of_rabbitmq_everything_goes_on_by_itself(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue, other = fresh_queue(), fresh_queue()
    async with (
        started_rabbit(each_rabbit.url, is_quorum) as broker,
        broker.consume(queue, prefetch=1) as consumer,
        broker.consume(other, prefetch=1),
    ):
        await wait_until_up(broker)
        await broker.publish([outgoing(queue, "held"), outgoing(queue, "kept")])
        [held] = await receive(consumer)
        if is_quorum:
            await wait_until_registered([each_rabbit], [queue, other])

        each_rabbit.kill()
        await wait_until_down(broker)

        # Meanwhile: no waiting, no error for an answer, and health knows what is gone.
        with pytest.raises(BrokerUnavailable):
            await broker.publish([outgoing(queue, "refused")])
        await held.ack()
        gone = {
            f"connection to RabbitMQ at 127.0.0.1:{each_rabbit.port}",
            f"consumer of {queue}",
            f"consumer of {other}",
        }
        await eventually(lambda: set(broker.missing) == gone)  # each of its connections
        assert not consumer.is_live

        await come_back(each_rabbit)
        await wait_until_up(broker)

        assert consumer.is_live
        await broker.publish([outgoing(queue, "new")])
        texts = await receive_texts(consumer, 3)
        if is_quorum:  # what was under way then comes after what wasn't
            texts.sort()
        assert texts == ["held", "kept", "new"]


async def test_a_service_that_starts_before_rabbitmq_works_once_it_is_there(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue = fresh_queue()
    each_rabbit.stop()
    async with (
        started_rabbit(each_rabbit.url, is_quorum) as broker,
        broker.consume(queue, prefetch=1) as consumer,
    ):
        assert not consumer.is_live
        assert f"consumer of {queue}" in broker.missing
        publisher = Publisher(broker)
        sending = asyncio.create_task(publisher.send([outgoing(queue, "patient")]))

        await come_back(each_rabbit)

        assert await receive_texts(consumer) == ["patient"]
        await sending
        await wait_until_up(broker)


async def test_a_connection_closed_by_an_operator_comes_back_with_its_consumers(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue = fresh_queue()
    async with (
        started_rabbit(each_rabbit.url, is_quorum) as broker,
        broker.consume(queue, prefetch=1) as consumer,
    ):
        await wait_until_up(broker)
        await broker.publish([outgoing(queue, "held")])
        [held] = await receive(consumer)

        await asyncio.to_thread(each_rabbit.ctl, "close_all_connections", "a test")

        [again] = await receive(consumer)
        assert again.redelivered
        await held.ack()
        await Publisher(broker).send([outgoing(queue, "next")])
        await again.ack()
        assert await receive_texts(consumer) == ["next"]


async def test_a_cancelled_consumer_stays_silent_when_the_connection_comes_back(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue, other = fresh_queue(), fresh_queue()
    async with (
        started_rabbit(each_rabbit.url, is_quorum) as broker,
        broker.consume(queue, prefetch=1) as consumer,
        broker.consume(other, prefetch=1) as witness,
    ):
        await broker.publish([outgoing(other, "shows that the connection is back")])
        await receive(witness)
        await consumer.cancel()

        await asyncio.to_thread(each_rabbit.ctl, "close_all_connections", "a test")
        await receive(witness)

        assert f"consumer of {queue}" not in broker.missing
        assert await broker.queue_stats(queue) == QueueStats(queue, 0, 0)
        await consumer.resume()
        await Publisher(broker).send([outgoing(queue, "heard")])
        assert await receive_texts(consumer) == ["heard"]


async def test_while_rabbitmq_is_short_of_memory_publishing_fails_but_acknowledging_works(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue = fresh_queue()
    async with (
        started_rabbit(each_rabbit.url, is_quorum, confirm_timeout_seconds=5) as broker,
        broker.consume(queue, prefetch=1) as consumer,
    ):
        await wait_until_up(broker)
        await broker.publish([outgoing(queue, "one"), outgoing(queue, "two")])
        limit = "set_vm_memory_high_watermark"
        await asyncio.to_thread(each_rabbit.ctl, limit, "absolute", "1")
        try:
            with pytest.raises(BrokerUnavailable):
                await broker.publish([outgoing(queue, "blocked")])
            assert await receive_texts(consumer, 2) == ["one", "two"]
        finally:
            await asyncio.to_thread(each_rabbit.ctl, limit, "0.9")
        await Publisher(broker).send([outgoing(queue, "after")])


async def test_a_queue_that_an_operator_declared_otherwise_is_used_as_it_is(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    queue = fresh_queue()
    connection = await aiormq.connect(each_rabbit.url)
    channel = await connection.channel()
    await channel.queue_declare(queue, durable=True, arguments={"x-max-priority": 3})
    await channel.close()
    await connection.close()

    async with (
        started_rabbit(each_rabbit.url, is_quorum) as broker,
        broker.consume(queue, prefetch=1) as consumer,
    ):
        await wait_until_up(broker)
        assert consumer.is_live
        await broker.publish([outgoing(queue, "works")])
        assert await receive_texts(consumer) == ["works"]


async def test_a_queue_of_the_other_type_is_used_as_it_is_until_an_operator_deletes_it(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    def type_of(name: str) -> str:
        listed = each_rabbit.ctl("--quiet", "list_queues", "name", "type")
        return dict(line.split("\t") for line in listed.splitlines())[name]

    # Given a queue with a message, and a service whose setting was changed
    queue = fresh_queue()
    async with started_rabbit(each_rabbit.url, not is_quorum) as before:
        await wait_until_up(before)
        await before.publish([outgoing(queue, "old")])
    with capture_logs() as logged:
        async with (
            started_rabbit(each_rabbit.url, is_quorum) as broker,
            broker.consume(queue, prefetch=1) as consumer,
        ):
            # Then it works, and says once what to do
            assert await receive_texts(consumer) == ["old"]
            await broker.publish([outgoing(queue, "new")])
            assert await receive_texts(consumer) == ["new"]
            [said] = [line for line in logged if line["event"] == "queue_used_as_found"]
            assert "delete_queue" in said["hint"]
            # And when that is done, the queue is of the type that is set
            await asyncio.to_thread(each_rabbit.ctl, "delete_queue", queue)
            await Publisher(broker).send([outgoing(queue, "next")])
            assert await receive_texts(consumer) == ["next"]
            wanted = QUORUM if is_quorum else CLASSIC
            assert await asyncio.to_thread(type_of, queue) == wanted


async def test_an_event_is_not_lost_when_its_exchange_was_deleted(
    each_rabbit: PrivateRabbit, is_quorum: bool
) -> None:
    async with started_rabbit(each_rabbit.url, is_quorum) as broker:
        await wait_until_up(broker)
        await broker.publish([outgoing(EVENTS, "one")])
        connection = await aiormq.connect(each_rabbit.url)
        channel = await connection.channel()
        await channel.exchange_delete(EVENTS)
        await channel.close()
        await connection.close()

        await Publisher(broker).send([outgoing(EVENTS, "two")])

        await wait_until_size(broker, EVENTS, 2)
        await broker.delete_queue(EVENTS)
