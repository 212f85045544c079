"""What every broker promises of messages and queues; one suite for all implementations."""

import asyncio

import pytest

from shared.broker.protocol import Broker, BrokerUnavailable
from shared.broker.publisher import Publisher
from shared.messages.queues import EVENTS, node_queue
from tests.support.servers.brokers import (
    BROKERS_WITH_PRIORITIES,
    BROKERS_WITH_TWO_PRIORITIES,
    fresh_queue,
    outgoing,
    receive,
    receive_texts,
    wait_until_size,
)


async def test_what_is_published_arrives_whole_with_its_id_and_in_order(broker: Broker) -> None:
    queue = fresh_queue()
    big = "x" * 300_000  # several frames

    await broker.publish([outgoing(queue, "first"), outgoing(queue, big)])

    async with broker.consume(queue, prefetch=10) as consumer:
        first, second = await receive(consumer, 2)
        assert (first.body, first.message_id, first.redelivered) == (b"first", "id-first", False)
        assert second.body == big.encode()
        assert first.dead_letter_info is None


async def test_an_empty_body_arrives(broker: Broker) -> None:
    queue = fresh_queue()

    await broker.publish([outgoing(queue, "")])

    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        assert delivery.body == b""


async def test_a_confirmed_message_is_in_its_queue(broker: Broker) -> None:
    queue = fresh_queue()

    await broker.publish([outgoing(queue, str(n)) for n in range(250)])

    stats = await broker.queue_stats(queue)
    assert stats is not None
    assert (stats.name, stats.size, stats.subscribers) == (queue, 250, 0)


async def test_publishing_nothing_is_no_error(broker: Broker) -> None:
    await broker.publish([])


async def test_the_same_message_may_be_under_way_twice(broker: Broker) -> None:
    one, two = fresh_queue(), fresh_queue()

    await broker.publish([outgoing(one, "same"), outgoing(two, "same"), outgoing(one, "same")])

    await wait_until_size(broker, one, 2)
    await wait_until_size(broker, two, 1)


# Quorum queues know none on RabbitMQ 3, and two since 4.0.
@pytest.mark.parametrize("broker", BROKERS_WITH_PRIORITIES, indirect=True)
async def test_a_message_of_higher_priority_comes_first(broker: Broker) -> None:
    queue = fresh_queue()

    await broker.publish([outgoing(queue, str(level), priority=level) for level in (0, 5, 9, 1, 5)])

    async with broker.consume(queue, prefetch=1) as consumer:
        assert await receive_texts(consumer, 5) == ["9", "5", "5", "1", "0"]


@pytest.mark.parametrize("broker", BROKERS_WITH_TWO_PRIORITIES, indirect=True)
async def test_an_urgent_message_does_not_wait_behind_all_others(broker: Broker) -> None:
    queue = fresh_queue()

    await broker.publish([outgoing(queue, "in no hurry", priority=0)] * 20)
    await broker.publish([outgoing(queue, "urgent", priority=5)])

    async with broker.consume(queue, prefetch=1) as consumer:
        assert "urgent" in await receive_texts(consumer, 3)


async def test_an_event_reaches_the_queue_on_the_events_exchange(broker: Broker) -> None:
    await broker.delete_queue(EVENTS)

    await broker.publish([outgoing(EVENTS, "before anyone listens")])

    async with broker.consume(EVENTS, prefetch=1) as consumer:
        assert await receive_texts(consumer) == ["before anyone listens"]


async def test_a_message_for_a_node_that_is_gone_is_dropped(broker: Broker) -> None:
    gone, kept = node_queue(fresh_queue()), fresh_queue()

    await broker.publish([outgoing(gone, "lost"), outgoing(kept, "kept")])

    assert await broker.queue_stats(gone) is None
    await wait_until_size(broker, kept, 1)


async def test_a_message_for_a_node_that_listens_arrives(broker: Broker) -> None:
    here = node_queue(fresh_queue())

    async with broker.consume(here, prefetch=1) as consumer:
        await broker.publish([outgoing(here, "granted")])
        assert await receive_texts(consumer) == ["granted"]
    await broker.delete_queue(here)


async def test_a_queue_that_was_deleted_is_there_again_for_the_next_message(
    broker: Broker,
) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "gone with it")])

    await broker.delete_queue(queue)
    assert await broker.queue_stats(queue) is None
    await broker.publish([outgoing(queue, "one"), outgoing(queue, "two")])

    async with broker.consume(queue, prefetch=2) as consumer:
        assert await receive_texts(consumer, 2) == ["one", "two"]


async def test_deleting_a_queue_that_is_not_there_is_no_error(broker: Broker) -> None:
    await broker.delete_queue(fresh_queue())


async def test_a_missing_queue_has_no_stats(broker: Broker) -> None:
    assert await broker.queue_stats(fresh_queue()) is None


async def test_many_senders_through_one_publisher_each_get_theirs_confirmed(
    broker: Broker,
) -> None:
    queue = fresh_queue()
    publisher = Publisher(broker)

    async with asyncio.timeout(30):
        await asyncio.gather(
            *(publisher.send([outgoing(queue, f"{n}-{m}") for m in range(3)]) for n in range(200))
        )

    stats = await broker.queue_stats(queue)
    assert stats is not None
    assert stats.size == 600
    await publisher.close()


async def test_a_broker_that_is_up_misses_nothing(broker: Broker) -> None:
    async with broker.consume(fresh_queue(), prefetch=1) as consumer:
        assert consumer.is_live
        assert broker.is_up
        assert not broker.missing


async def test_a_closed_broker_is_unavailable_and_says_what_is_missing(broker: Broker) -> None:
    await broker.close()

    with pytest.raises(BrokerUnavailable):
        await broker.publish([outgoing(fresh_queue(), "too late")])
    with pytest.raises(BrokerUnavailable):
        await broker.queue_stats(fresh_queue())
    with pytest.raises(BrokerUnavailable):
        async with broker.peek(fresh_queue(), 1):
            pass
    assert not broker.is_up
    assert broker.missing
