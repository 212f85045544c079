"""What every broker promises of dead letters, and of taking a few messages to look at them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.broker.protocol import Broker
from shared.messages.queues import DEAD_LETTERS
from tests.support.servers.brokers import fresh_queue, outgoing, receive, wait_until_size


@pytest.mark.parametrize("name", ["i" * 255, "ä" * 127, "#", "#1#"])
async def test_a_message_of_any_name_can_be_sent_and_dead_lettered(
    broker: Broker, name: str
) -> None:
    queue = fresh_queue()
    await broker.publish([replace(outgoing(queue, "x"), message_id=name)])
    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.dead_letter("no use")
    await wait_until_size(broker, queue, 0)


async def test_a_dead_lettered_message_lies_in_dead_letters_with_its_queue_and_reason(
    broker: Broker,
) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "poison")])

    async with broker.consume(queue, prefetch=1) as consumer:
        [delivery] = await receive(consumer)
        await delivery.dead_letter("not JSON")
    await wait_until_size(broker, queue, 0)

    async with broker.consume(DEAD_LETTERS, prefetch=1) as dead_letters:
        [dead] = await receive(dead_letters)
        assert (dead.body, dead.message_id) == (b"poison", "id-poison")
        assert dead.dead_letter_info is not None
        assert (dead.dead_letter_info.queue, dead.dead_letter_info.reason) == (queue, "not JSON")
        assert dead.dead_letter_info.at is not None
        assert abs(datetime.now(UTC) - dead.dead_letter_info.at) < timedelta(minutes=1)
        await dead.ack()


async def test_what_is_taken_and_not_answered_goes_back_to_its_place(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(5)])

    async with broker.peek(queue, 3) as taken:
        assert [delivery.body for delivery in taken] == [b"0", b"1", b"2"]
        assert (taken[0].message_id, taken[0].dead_letter_info) == ("id-0", None)
        await wait_until_size(broker, queue, 2)

    for _ in range(3):  # as often as one likes, and at once
        async with broker.peek(queue, 10) as taken:
            assert [delivery.body for delivery in taken] == [b"0", b"1", b"2", b"3", b"4"]
            assert taken[0].redelivered


async def test_what_is_taken_can_be_answered(broker: Broker) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    queue = fresh_queue()
    await broker.publish([outgoing(queue, str(n)) for n in range(4)])

    async with broker.peek(queue, 3) as (first, second, third):
        await second.ack()
        await third.dead_letter("no use")
        await first.requeue()

    async with broker.peek(queue, 10) as taken:
        assert [delivery.body for delivery in taken] == [b"0", b"3"]
    async with broker.peek(DEAD_LETTERS, 10) as [dead]:
        assert dead.body == b"2"


async def test_taking_waits_for_nothing(broker: Broker) -> None:
    queue = fresh_queue()
    async with broker.peek(queue, 3) as taken:
        assert list(taken) == []
    assert await broker.queue_stats(queue) is None

    await broker.publish([outgoing(queue, "a")])
    async with broker.peek(queue, 1) as held, broker.peek(queue, 1) as others:
        assert (len(held), list(others)) == (1, [])


async def fail() -> None:
    raise ZeroDivisionError


async def test_what_is_taken_goes_back_when_its_taker_fails(broker: Broker) -> None:
    queue = fresh_queue()
    await broker.publish([outgoing(queue, "a")])
    with pytest.raises(ZeroDivisionError):
        async with broker.peek(queue, 1):
            await fail()
    async with broker.peek(queue, 1) as [again]:
        assert again.body == b"a"
