"""Schedules while schedulers are killed: real processes on real RabbitMQ and Postgres."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.postgres.migrate import migrate
from shared.postgres.pool import set_up_connection
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster

pytestmark = pytest.mark.real

SCHEDULES = 5
KILLS = 4
SPEC = {
    "name": "often",
    "tasks": [{"name": "t", "run": "true"}],
}

ADD = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, created_at, next_at,
                       look_at)
SELECT $1, 'ACTIVE', '@every 1s', 'UTC', 'allow', 'all', $2, t, t + interval '1 s',
       t + interval '1 s'
FROM date_trunc('second', now()) AS t
"""

# One statement sees one moment: a job and its schedule's move are there together or not at all.
FIRINGS = """
SELECT extract(epoch FROM s.last_at - s.created_at)::int AS due,
       (SELECT count(*) FROM jobs j WHERE j.schedule_id = s.id) AS made
FROM schedules s
"""


@pytest.fixture
async def database(private_postgres: PrivatePostgres) -> AsyncIterator[asyncpg.Connection]:
    await migrate(private_postgres.tcp_dsn)
    connection = await asyncpg.connect(private_postgres.tcp_dsn)
    await set_up_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    yield cluster
    await asyncio.to_thread(cluster.close)


async def test_killed_schedulers_neither_lose_a_firing_nor_make_it_twice(
    database: asyncpg.Connection, cluster: Cluster
) -> None:
    for _ in range(SCHEDULES):
        await database.execute(ADD, uuid.uuid4().hex, SPEC)
    for _ in range(2):
        cluster.start("scheduler")
    made = 0
    for kill in range(KILLS):
        made = await more_than(database, made + SCHEDULES)
        cluster.services[kill].kill()
        cluster.start("scheduler")
    await more_than(database, made + 2 * SCHEDULES)
    for row in await database.fetch(FIRINGS):
        assert row["made"] == row["due"]


async def more_than(database: asyncpg.Connection, count: int) -> int:
    """How many jobs there are, as soon as there are more than `count`."""
    async with asyncio.timeout(60):
        while (made := await database.fetchval("SELECT count(*) FROM jobs")) <= count:
            await asyncio.sleep(0.02)
    assert isinstance(made, int)
    return made
