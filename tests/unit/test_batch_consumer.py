"""The messages door: whatever one message does, the others are handled and the door stays open."""

import asyncio
from collections.abc import Sequence

from shared.broker.consuming import BatchConsumer, Failures
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import Outgoing
from shared.messages import Telemetry, encode
from shared.messages.queues import DEAD_LETTERS, TELEMETRY


class Outage(Exception):
    pass


class Handler:
    """Fails the whole batch as long as a message of a node named in `poison` is in it."""

    def __init__(self, *poison: str) -> None:
        self.poison = set(poison)
        self.outages = 0
        self.handled: list[str] = []
        self.done = asyncio.Event()

    async def __call__(self, messages: Sequence[Telemetry]) -> Failures:
        if self.outages:
            self.outages -= 1
            raise Outage
        nodes = [message.node_id for message in messages]
        if self.poison & set(nodes):
            raise ValueError("can't be stored")
        self.handled += nodes
        if "last" in nodes:
            self.done.set()
        return [None] * len(messages)


async def consume_all(handler: Handler, *nodes: str) -> int:
    """Have a message of each node handled; the number of dead letters."""
    broker = InProcessBroker()
    await broker.start()
    await broker.publish(
        [Outgoing(TELEMETRY, encode(Telemetry(node_id=n)), n) for n in (*nodes, "last")]
    )
    door = BatchConsumer(broker, TELEMETRY, Telemetry, handler, (Outage,))
    running = asyncio.create_task(door.run())
    async with asyncio.timeout(5):
        await handler.done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stats = await broker.queue_stats(DEAD_LETTERS)
    return stats.size if stats else 0


async def test_one_poisonous_message_is_buried_alone() -> None:
    handler = Handler("bad")
    assert await consume_all(handler, "a", "bad", "b") == 1
    assert sorted(handler.handled) == ["a", "b", "last"]


async def test_in_an_outage_nothing_is_buried_and_all_is_handled_afterwards() -> None:
    handler = Handler()
    handler.outages = 1
    assert await consume_all(handler, "a", "b") == 0
    assert sorted(handler.handled) == ["a", "b", "last"]
