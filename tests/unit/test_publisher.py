"""How senders share publishes, and what they see while the broker is away."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.broker.publisher import Publisher
from tests.support.servers.brokers import outgoing


class SlowBroker(InProcessBroker):
    """Confirms when it is told to, and fails as often as it is told to."""

    def __init__(self, *, failures: Sequence[Exception] = ()) -> None:
        super().__init__()
        self.publishes: list[list[str]] = []
        self.confirm = asyncio.Event()
        self.is_publishing = asyncio.Event()
        self._failures = list(failures)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.publishes.append([message.body.decode() for message in messages])
        self.is_publishing.set()
        await self.confirm.wait()
        if self._failures:
            raise self._failures.pop(0)


def send(publisher: Publisher, *texts: str, retry: bool = True) -> asyncio.Task[None]:
    messages = [outgoing("q", text) for text in texts]
    return asyncio.create_task(publisher.send(messages, retry=retry))


async def test_what_becomes_ready_during_a_publish_goes_out_in_the_next_one() -> None:
    broker = SlowBroker()
    publisher = Publisher(broker)

    first = send(publisher, "a")
    await broker.is_publishing.wait()
    rest = [send(publisher, text) for text in "bcd"]
    await asyncio.sleep(0)  # lets the three stand in line
    broker.confirm.set()
    await asyncio.gather(first, *rest)

    assert broker.publishes == [["a"], ["b", "c", "d"]]


async def test_one_publish_is_not_larger_than_allowed() -> None:
    broker = SlowBroker()
    broker.confirm.set()
    publisher = Publisher(broker, max_batch=2)

    await asyncio.gather(send(publisher, "a", "b", "c"), send(publisher, "d"), send(publisher, "e"))

    assert broker.publishes == [["a", "b", "c"], ["d", "e"]]


async def test_a_patient_sender_is_served_when_the_broker_is_back() -> None:
    broker = SlowBroker(failures=[BrokerUnavailable("away"), BrokerUnavailable("away")])
    broker.confirm.set()

    await send(Publisher(broker), "a")

    assert broker.publishes == [["a"]] * 3


async def test_an_impatient_sender_is_told_at_once_and_the_patient_one_goes_on() -> None:
    broker = SlowBroker(failures=[BrokerUnavailable("away")])
    broker.confirm.set()
    publisher = Publisher(broker)

    patient, impatient = send(publisher, "a"), send(publisher, "b", retry=False)

    with pytest.raises(BrokerUnavailable):
        await impatient
    await patient
    assert broker.publishes == [["a", "b"], ["a"]]


async def test_a_message_that_cannot_be_sent_is_reported_to_its_sender() -> None:
    broker = SlowBroker(failures=[TypeError("no such priority")])
    broker.confirm.set()
    publisher = Publisher(broker)

    with pytest.raises(TypeError):
        await send(publisher, "bad")
    await send(publisher, "good")


async def test_a_sender_that_gave_up_before_its_turn_sends_nothing() -> None:
    broker = SlowBroker()
    publisher = Publisher(broker)
    first = send(publisher, "a")
    await broker.is_publishing.wait()
    given_up, last = send(publisher, "b"), send(publisher, "c")
    await asyncio.sleep(0)  # lets both stand in line

    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    broker.confirm.set()
    await asyncio.gather(first, last)

    assert broker.publishes == [["a"], ["c"]]


async def test_senders_wait_when_the_line_is_full() -> None:
    broker = SlowBroker()
    publisher = Publisher(broker, max_batch=1, max_waiting=2)
    tasks = [send(publisher, str(n)) for n in range(10)]
    await broker.is_publishing.wait()

    broker.confirm.set()
    await asyncio.gather(*tasks)

    assert sorted(broker.publishes) == [[str(n)] for n in range(10)]


async def test_closing_tells_those_who_still_wait() -> None:
    broker = SlowBroker()
    publisher = Publisher(broker)
    under_way = send(publisher, "a")
    await broker.is_publishing.wait()
    in_line = send(publisher, "b")
    await asyncio.sleep(0)  # lets it stand in line

    await publisher.close()

    for task in (under_way, in_line):
        with pytest.raises(BrokerUnavailable):
            await task


async def test_closing_tells_also_those_who_wait_for_room_in_the_line_or_come_later() -> None:
    broker = SlowBroker()
    publisher = Publisher(broker, max_waiting=1)
    first = send(publisher, "a")
    await broker.is_publishing.wait()
    waiting, without_room = send(publisher, "b"), send(publisher, "c")
    await asyncio.sleep(0)

    await publisher.close()

    async with asyncio.timeout(5):
        ends = await asyncio.gather(
            first, waiting, without_room, send(publisher, "d"), return_exceptions=True
        )
    assert [type(end) for end in ends] == [BrokerUnavailable] * 4
    assert broker.publishes == [["a"]]
