"""The least that one step of a chain can take here: its hops, commits and process, done bare.

No code of ours is in it. Everything comes one after the other, as in a chain each waits for what
was before.
"""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiormq
import asyncpg
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic

from bench.ground import Resources

HOPS = 4  # run_task, claim, grant, finished
COMMITS = 2  # of the claim and of the end
_QUEUE = "bench-floor"
_BODY = b"x" * 400  # as long as such a message is

CREATE = "CREATE TABLE IF NOT EXISTS bench_floor (id int PRIMARY KEY, n int NOT NULL)"
SEED = "INSERT INTO bench_floor VALUES (1, 0) ON CONFLICT DO NOTHING"
COMMIT = "UPDATE bench_floor SET n = n + 1 WHERE id = 1"
DROP = "DROP TABLE bench_floor"


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds that a step needs for each of its parts."""

    hops: float
    commits: float
    process: float

    @property
    def total(self) -> float:
        return self.hops + self.commits + self.process


class Bare:
    """One connection each for publishing, consuming and the database."""

    def __init__(
        self, publisher: AbstractChannel, consumer: AbstractChannel, database: asyncpg.Connection
    ) -> None:
        self._publisher = publisher
        self._consumer = consumer
        self._database = database
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()

    async def subscribe(self) -> None:
        await self._consumer.basic_qos(prefetch_count=1)
        self._tag = (await self._consumer.basic_consume(_QUEUE, self._arrived.put)).consumer_tag

    async def unsubscribe(self) -> None:
        await self._consumer.basic_cancel(str(self._tag))

    async def step(self) -> Floor:
        began = time.perf_counter()
        for _ in range(HOPS):
            await self._hop()
        hopped = time.perf_counter()
        for _ in range(COMMITS):
            await self._database.execute(COMMIT)
        committed = time.perf_counter()
        _run_process()
        return Floor(hopped - began, committed - hopped, time.perf_counter() - committed)

    async def _hop(self) -> None:
        """Published, confirmed, delivered, acknowledged."""
        await self._publisher.basic_publish(
            _BODY, routing_key=_QUEUE, properties=Basic.Properties(delivery_mode=2)
        )
        message = await self._arrived.get()
        await self._consumer.basic_ack(message.delivery_tag or 0, wait=False)


# As the shell runtime chooses it.
SHELL = "bash" if shutil.which("bash") else "sh"


def _run_process() -> None:
    # Blocking, because nothing else is to do here and every other way is slower.
    subprocess.run([SHELL, "-c", "true"], check=True)


@asynccontextmanager
async def opened_bare(ground: Resources) -> AsyncIterator[Bare]:
    outward, inward = await aiormq.connect(ground.amqp_url), await aiormq.connect(ground.amqp_url)
    database = await asyncpg.connect(ground.dsn)
    consumer = await inward.channel(publisher_confirms=False)
    try:
        await consumer.queue_declare(_QUEUE, durable=True)
        await database.execute(CREATE)
        await database.execute(SEED)
        bare = Bare(await outward.channel(), consumer, database)
        await bare.subscribe()
        yield bare
        await bare.unsubscribe()
    finally:
        await consumer.queue_delete(_QUEUE)
        await database.execute(DROP)
        await database.close()
        await inward.close()
        await outward.close()
