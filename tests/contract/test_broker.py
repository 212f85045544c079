"""What every broker promises; one suite for all implementations."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.broker import Broker, BrokerUnavailable
from shared.broker.publisher import Publisher
from shared.messages.queues import DEAD_LETTERS, EVENTS, node_queue
from tests.support.brokers import (
    BROKERS_WITH_PRIORITIES,
    BROKERS_WITH_TWO_PRIORITIES,
    fresh_queue,
    outgoing,
    receive,
    receive_texts,
    wait_until,
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
        assert first.burial is None


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


async def test_no_more_than_the_prefetch_is_unanswered(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(5)])

    async with broker.consume(queue, prefetch=2) as consumer:
        first, _ = await receive(consumer, 2)
        await wait_until_size(broker, queue, 3)

        await first.ack()

        await wait_until_size(broker, queue, 2)


async def test_two_consumers_of_a_queue_share_its_messages(broker: Broker) -> None:
    queue = fresh_queue()

    async with (
        broker.consume(queue, prefetch=1) as one,
        broker.consume(queue, prefetch=1) as other,
    ):
        await broker.publish([outgoing(queue, "a"), outgoing(queue, "b")])
        [[first], [second]] = await asyncio.gather(receive(one), receive(other))
        assert {first.body, second.body} == {b"a", b"b"}
        stats = await broker.queue_stats(queue)
        assert stats is not None
        assert stats.subscribers == 2


async def test_a_requeued_message_comes_again_and_says_so(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "again")])

    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.requeue()

        [again] = await receive(consumer)
        assert (again.body, again.message_id) == (b"again", "id-again")
        assert again.redelivered


async def test_a_message_is_not_lost_however_often_it_goes_back(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "unlucky")])

    async with broker.consume(queue, prefetch=1) as consumer:
        for _ in range(30):  # RabbitMQ 4 drops after 20 what it isn't told to keep
            [delivery] = await receive(consumer)
            await delivery.requeue()
    for _ in range(30):  # and so it counts what a consumer leaves unanswered
        async with broker.consume(queue, prefetch=1) as consumer:
            await receive(consumer)

    async with broker.consume(queue, prefetch=1) as consumer:
        assert await receive_texts(consumer) == ["unlucky"]


async def test_a_second_answer_does_nothing(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "once"), outgoing(queue, "next")])

    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.ack()
        await delivery.ack()
        await delivery.requeue()
        await delivery.bury("too late")

        [following] = await receive(consumer)
        assert following.body == b"next"
        await following.ack()
    await wait_until_size(broker, queue, 0)


async def test_unanswered_messages_go_back_when_the_consumer_leaves(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, text) for text in ("read", "unread", "waiting")])

    async with broker.consume(queue, prefetch=2) as consumer:
        [held] = [await anext(aiter(consumer))]
    await wait_until_size(broker, queue, 3)
    await held.ack()  # comes too late: a no-op

    async with broker.consume(queue, prefetch=3) as consumer:
        back = await receive(consumer, 3)
        assert [delivery.body for delivery in back] == [b"read", b"unread", b"waiting"]
        assert back[0].redelivered


async def test_an_answered_message_does_not_come_again(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(20)])

    async with broker.consume(queue, prefetch=20) as consumer:
        assert len(await receive_texts(consumer, 20)) == 20

    await wait_until_size(broker, queue, 0)


@pytest.mark.parametrize("name", ["i" * 255, "ä" * 127, "#", "#1#"])
async def test_a_message_of_any_name_can_be_sent_and_buried(broker: Broker, name: str) -> None:
    queue = fresh_queue()
    await broker.publish([replace(outgoing(queue, "x"), message_id=name)])
    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.bury("no use")
    await wait_until_size(broker, queue, 0)


async def test_a_buried_message_lies_in_dead_letters_with_its_queue_and_reason(
    broker: Broker,
) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "poison")])

    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.bury("not JSON")
    await wait_until_size(broker, queue, 0)

    async with broker.consume(DEAD_LETTERS, prefetch=1) as graveyard:
        [dead] = await receive(graveyard)
        assert (dead.body, dead.message_id) == (b"poison", "id-poison")
        assert dead.burial is not None
        assert (dead.burial.queue, dead.burial.reason) == (queue, "not JSON")
        assert dead.burial.at is not None
        assert abs(datetime.now(UTC) - dead.burial.at) < timedelta(minutes=1)
        await dead.ack()


async def test_what_is_taken_and_not_answered_goes_back_to_its_place(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(5)])

    async with broker.take(queue, 3) as taken:
        assert [delivery.body for delivery in taken] == [b"0", b"1", b"2"]
        assert (taken[0].message_id, taken[0].burial) == ("id-0", None)
        await wait_until_size(broker, queue, 2)

    for _ in range(3):  # as often as one likes, and at once
        async with broker.take(queue, 10) as taken:
            assert [delivery.body for delivery in taken] == [b"0", b"1", b"2", b"3", b"4"]
            assert taken[0].redelivered


async def test_what_is_taken_can_be_answered(broker: Broker) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(4)])

    async with broker.take(queue, 3) as (first, second, third):
        await second.ack()
        await third.bury("no use")
        await first.requeue()

    async with broker.take(queue, 10) as taken:
        assert [delivery.body for delivery in taken] == [b"0", b"3"]
    async with broker.take(DEAD_LETTERS, 10) as [dead]:
        assert dead.body == b"2"


async def test_taking_waits_for_nothing(broker: Broker) -> None:
    queue = fresh_queue()
    async with broker.take(queue, 3) as taken:
        assert list(taken) == []
    assert await broker.queue_stats(queue) is None

    await broker.publish([outgoing(queue, "a")])
    async with broker.take(queue, 1) as held, broker.take(queue, 1) as others:
        assert (len(held), list(others)) == (1, [])


async def fail() -> None:
    raise ZeroDivisionError


async def test_what_is_taken_goes_back_when_its_taker_fails(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "a")])
    with pytest.raises(ZeroDivisionError):
        async with broker.take(queue, 1):
            await fail()
    async with broker.take(queue, 1) as [again]:
        assert again.body == b"a"


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


async def test_a_consumer_goes_on_when_its_queue_is_deleted_under_it(broker: Broker) -> None:
    queue = fresh_queue()
    async with broker.consume(queue, prefetch=1) as consumer:
        await broker.publish([outgoing(queue, "held"), outgoing(queue, "waiting")])
        [held] = await receive(consumer)

        await broker.delete_queue(queue)
        await wait_until_subscribed(broker, queue)
        await held.ack()

        await broker.publish([outgoing(queue, "fresh")])
        assert await receive_texts(consumer) == ["fresh"]
        assert not broker.missing


async def test_a_cancelled_consumer_receives_nothing_until_it_resumes(broker: Broker) -> None:
    queue = fresh_queue()
    async with broker.consume(queue, prefetch=2) as consumer, broker.consume(queue, prefetch=1):
        await broker.publish([outgoing(queue, str(n)) for n in range(3)])
        [held] = [await anext(aiter(consumer))]

        await consumer.cancel()
        assert not consumer.is_live
        await wait_until_size(broker, queue, 1)  # what nobody had read went back
        await held.ack()  # what was handed out can still be answered

        await consumer.resume()
        assert consumer.is_live
        [again] = await receive(consumer)
        assert again.body != held.body


async def test_cancelling_one_consumer_leaves_the_others_alone(broker: Broker) -> None:
    queue = fresh_queue()
    async with (
        broker.consume(queue, prefetch=1) as leaving,
        broker.consume(queue, prefetch=1) as staying,
    ):
        await leaving.cancel()
        await broker.publish([outgoing(queue, str(n)) for n in range(4)])
        assert await receive_texts(staying, 4) == ["0", "1", "2", "3"]


async def test_batches_bring_all_in_order_and_keep_to_their_limit(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(7)])

    texts: list[str] = []
    async with broker.consume(queue, prefetch=50) as consumer, asyncio.timeout(30):
        while len(texts) < 7:
            batch = await consumer.batch(5)
            assert 1 <= len(batch) <= 5
            texts += [delivery.body.decode() for delivery in batch]

    assert texts == ["0", "1", "2", "3", "4", "5", "6"]


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
        async with broker.take(fresh_queue(), 1):
            pass
    assert not broker.is_up
    assert broker.missing


async def wait_until_subscribed(broker: Broker, queue: str) -> None:
    async def is_subscribed() -> bool:
        stats = await broker.queue_stats(queue)
        return stats is not None and stats.subscribers == 1

    await wait_until(is_subscribed)
