"""What every broker promises those who consume: how messages come, are answered and go back."""

import asyncio

from shared.broker.protocol import Broker
from tests.support.eventually import eventually
from tests.support.servers.brokers import (
    fresh_queue,
    outgoing,
    receive,
    receive_texts,
    wait_until_size,
)


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
        await delivery.dead_letter("too late")

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


async def wait_until_subscribed(broker: Broker, queue: str) -> None:
    async def is_subscribed() -> bool:
        stats = await broker.queue_stats(queue)
        return stats is not None and stats.subscribers == 1

    await eventually(is_subscribed)
