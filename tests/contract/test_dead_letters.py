"""Dead letters are looked at and dealt with alike on every broker."""

from services.coordinator.dead_letters import LOOKED_AT, DeadLetters
from shared.broker.protocol import Broker
from shared.messages.queues import DEAD_LETTERS
from tests.support.servers.brokers import fresh_queue, outgoing, receive


async def dead_letter(broker: Broker, queue: str, *texts: str) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    await broker.publish([outgoing(queue, text) for text in texts])
    async with broker.consume(queue, prefetch=len(texts)) as consumer:
        for delivery in await receive(consumer, len(texts)):
            await delivery.dead_letter(f"bad {delivery.body.decode()}")


async def test_a_letter_is_sent_again_and_the_others_stay(broker: Broker) -> None:
    letters, queue = DeadLetters(broker), fresh_queue()
    await dead_letter(broker, queue, "a", "b", "c")
    found = (await letters.look()).letters
    assert [(each.queue, each.reason) for each in found] == [
        (queue, f"bad {text}") for text in "abc"
    ]

    assert await letters.requeue(found[1].id)
    assert not await letters.requeue(found[1].id)
    assert await letters.delete(found[0].id)

    assert [each.id for each in (await letters.look()).letters] == [found[2].id]
    async with broker.peek(queue, 5) as [again]:
        assert (again.body, again.message_id, again.dead_letter_info) == (b"b", "id-b", None)
    assert await letters.purge() == 1
    assert (await letters.look()).total == 0


async def test_of_very_many_letters_the_oldest_are_seen_and_all_are_counted(
    broker: Broker,
) -> None:
    await broker.delete_queue(DEAD_LETTERS)
    await broker.publish([outgoing(DEAD_LETTERS, str(n)) for n in range(LOOKED_AT + 5)])
    found = await DeadLetters(broker).look()
    assert found.total == LOOKED_AT + 5
    assert [each.body for each in found.letters] == [b"%d" % n for n in range(LOOKED_AT)]
    await broker.delete_queue(DEAD_LETTERS)
