"""Messages that nobody can read, or that are for somebody else, on the services' queues."""

from dataclasses import dataclass

import aio_pika

from shared.messages.queues import COMPLETIONS, DEAD_LETTERS, HEARTBEATS, TELEMETRY
from tests.chaos.faults.fault import Fault
from tests.chaos.system import BROKER, System

_QUEUES = (COMPLETIONS, TELEMETRY, HEARTBEATS)
_BODIES = (
    b"\x00\xff not even text: %s",
    b'["%s"]',
    b'{"kind": "tidings %s", "v": 1}',  # of a kind that isn't known
    b'{"kind": "reports", "v": 99, "node_id": "%s", "lease_seconds": 3}',  # from the future
    b'{"kind": "webhooks_due", "v": 1, "more": "%s"}',  # for another queue
)


@dataclass(frozen=True)
class Garbage(Fault):
    """Each message has `mark` in it, by which it is found among the dead-lettered."""

    mark: str

    def __str__(self) -> str:
        return "garbage on the services' queues"

    @property
    def hits(self) -> frozenset[str]:
        return frozenset({BROKER})

    @property
    def _mark(self) -> bytes:
        return self.mark.encode()

    async def strike(self, system: System) -> None:
        async with await aio_pika.connect(system.rabbit.url) as connection:
            exchange = (await connection.channel()).default_exchange
            for queue in _QUEUES:
                for body in _BODIES:
                    await exchange.publish(aio_pika.Message(body % self._mark), queue)

    async def complaints(self, system: System) -> list[str]:
        """Each must be dead-lettered; they are taken out again: the next round counts its own."""
        dead_lettered = 0
        async with await aio_pika.connect(system.rabbit.url) as connection:
            queue = await (await connection.channel()).get_queue(DEAD_LETTERS)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                dead_lettered += self._mark in message.body
        missing = len(_QUEUES) * len(_BODIES) - dead_lettered
        return [f"{missing} unreadable messages not dead-lettered"] if missing else []
