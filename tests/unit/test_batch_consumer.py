"""The messages door: whatever one message does, the others are handled and the door stays open."""

import asyncio
from collections.abc import Sequence

from shared.broker.consuming import BatchConsumer, Failures
from shared.broker.in_process import InProcessBroker
from shared.broker.metrics import show_broker
from shared.broker.protocol import Outgoing
from shared.messages import Orders, Telemetry, encode
from shared.messages.queues import DEAD_LETTERS, TELEMETRY
from shared.process.metrics import Metrics
from tests.support.services.metrics import values


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


async def consume_all(handler: Handler, *nodes: str, broker: InProcessBroker | None = None) -> int:
    """Have a message of each node handled; the number of dead letters."""
    broker = broker or InProcessBroker()
    await broker.start()
    await broker.publish(
        [Outgoing(TELEMETRY, encode(Telemetry(node_id=n)), n) for n in (*nodes, "last")]
    )
    door = BatchConsumer(broker, TELEMETRY, Telemetry, handler, (Outage,))
    running = asyncio.create_task(door.run())
    async with asyncio.timeout(60):
        await handler.done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stats = await broker.queue_stats(DEAD_LETTERS)
    return stats.size if stats else 0


async def test_one_poisonous_message_is_dead_lettered_alone() -> None:
    handler = Handler("bad")
    assert await consume_all(handler, "a", "bad", "b") == 1
    assert sorted(handler.handled) == ["a", "b", "last"]


async def test_in_an_outage_nothing_is_dead_lettered_and_all_is_handled_afterwards() -> None:
    handler = Handler()
    handler.outages = 1
    assert await consume_all(handler, "a", "b") == 0
    assert sorted(handler.handled) == ["a", "b", "last"]


async def test_what_is_put_aside_sent_back_or_comes_again_is_counted() -> None:
    # Given an outage that passes, one message that nobody can store, and two that don't belong
    broker, metrics = InProcessBroker(), Metrics()
    show_broker(metrics, broker)
    handler = Handler("bad")
    handler.outages = 1
    await broker.start()
    await broker.publish(
        [Outgoing(TELEMETRY, b"?", "garbage"), Outgoing(TELEMETRY, encode(Orders()), "orders")]
    )
    # When all is handled
    assert await consume_all(handler, "bad", broker=broker) == 3
    # Then the page tells of each
    seen = values(metrics.render()[0].decode())
    for reason in ("undecodable", "unexpected kind", "failed"):
        label = f'{{queue="telemetry",reason="{reason}"}}'
        assert seen[f"conveyor_messages_dead_lettered_total{label}"] == 1
    assert seen['conveyor_messages_requeued_total{queue="telemetry"}'] == 2
    assert seen['conveyor_messages_redelivered_total{queue="telemetry"}'] == 2


async def test_the_queues_of_all_workers_are_one_in_a_label() -> None:
    broker, metrics = InProcessBroker(), Metrics()
    show_broker(metrics, broker)
    await broker.start()
    async with broker.consume("node.a", prefetch=1), broker.consume("node.b", prefetch=1) as paused:
        await paused.cancel()
        seen = values(metrics.render()[0].decode())
    assert seen['conveyor_consumers_wanted{queue="node"}'] == 1
    assert seen['conveyor_consumers_live{queue="node"}'] == 1
