"""Schedules and balances while services are killed: processes on real RabbitMQ and Postgres."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from shared.postgres.pool import set_up_connection
from tests.support.servers.postgres import PrivatePostgres
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

SEED = 11
KILLS = 6
TO_KILL = ("scheduler", "scheduler", "scheduler", "coordinator", "worker")
MOST_RUNS = 5
POLICIES: list[tuple[str, dict[str, Any]]] = [
    ("allow", {}),
    ("allow", {"jitter": "700ms"}),
    ("allow", {"maxRuns": MOST_RUNS}),
    ("skip", {}),
    ("bufferOne", {}),
    ("bufferAll", {}),
    ("cancelOther", {}),
]
SPEC = {"name": "often", "tasks": [{"name": "t", "run": "sleep 0.7"}]}

ADD = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, rules, spec, created_at,
                       next_at, look_at)
SELECT $1, 'ACTIVE', '@every 1s', 'UTC', $2, 'all', $3, $4, t, t + interval '1 s',
       t + interval '1 s'
FROM date_trunc('second', now()) AS t
"""

# One statement sees one moment: a firing and its schedule's move are there together or not at all.
NOT_ONE_FATE = """
SELECT s.overlap, s.rules, t.at, count(r.id) AS fates
FROM schedules s
CROSS JOIN generate_series(s.created_at + interval '1 s',
                           coalesce(s.next_at - interval '1 s', s.last_at), '1 s') AS t (at)
LEFT JOIN schedule_runs r
    ON r.schedule_id = s.id AND t.at BETWEEN r.scheduled_at AND coalesce(r.until, r.scheduled_at)
GROUP BY s.id, t.at HAVING count(r.id) <> 1
"""

LOST_OR_DOUBLED = """
SELECT r.scheduled_at, j.schedule_at, j.schedule_id
FROM (SELECT * FROM schedule_runs WHERE state = 'FIRED') r FULL JOIN jobs j ON j.id = r.job_id
WHERE j.id IS NULL OR r.id IS NULL OR j.schedule_at <> r.scheduled_at
"""

# By the start of the transaction that made the second, which may have waited for the first to end.
AT_ONCE = """
SELECT s.overlap, a.id, b.id
FROM schedules s JOIN jobs a ON a.schedule_id = s.id JOIN jobs b ON b.schedule_id = s.id
WHERE s.overlap <> 'allow' AND a.schedule_at < b.schedule_at
  AND coalesce(a.completed_at, a.failed_at,
               CASE WHEN a.state = 'CANCELLED' THEN a.created_at ELSE 'infinity' END)
      > b.created_at + interval '1 s'
"""

RUNS = "SELECT overlap, rules, runs, state FROM schedules"
FEWEST_RUNS = "SELECT min(runs) FROM schedules"
JOBS = "SELECT count(*) FROM jobs"

PRICES = {"CONVEYOR_COST_WALLET": "true", "CONVEYOR_COST_PRICE_PER_CPU_SECOND": "1"}
PAID = {"name": "paid", "tasks": [{"name": "t", "run": "sleep 1"}]}
PAID_JOBS = 40
COMPLETED = "SELECT count(*) FROM jobs WHERE state = 'COMPLETED'"
BILLS = """
SELECT j.charged, count(w.id) AS payments, -sum(w.amount) AS paid
FROM jobs j LEFT JOIN wallet_transactions w ON w.job_id = j.id GROUP BY j.id
"""


@pytest.fixture
async def database(private_postgres: PrivatePostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(private_postgres.tcp_dsn)
    await set_up_connection(connection)
    yield connection
    await connection.close()


async def test_killed_services_neither_lose_a_firing_nor_make_it_twice_whatever_the_policy(
    database: asyncpg.Connection, cluster: Cluster
) -> None:
    chance = random.Random(SEED)
    for name in ("coordinator", "scheduler", "scheduler", "worker"):
        cluster.start(name)
    await cluster.wait_up()
    for overlap, rules in POLICIES:
        await database.execute(ADD, uuid.uuid4().hex, overlap, rules, SPEC)
    made = 0
    for _ in range(KILLS):
        made = await more_than(database, JOBS, made + len(POLICIES))
        name = chance.choice(TO_KILL)
        running = [s for s in cluster.services if s.name == name and s.process.poll() is None]
        chance.choice(running).kill()
        cluster.start(name)
    await more_than(database, JOBS, made + 2 * len(POLICIES))
    await more_than(database, FEWEST_RUNS, 1)
    assert await database.fetch(NOT_ONE_FATE) == []
    assert await database.fetch(LOST_OR_DOUBLED) == []
    assert await database.fetch(AT_ONCE) == []
    for row in await database.fetch(RUNS):
        is_bounded = "maxRuns" in row["rules"]
        assert row["state"] == ("ENDED" if is_bounded else "ACTIVE")
        assert not is_bounded or row["runs"] == MOST_RUNS


async def test_a_job_is_charged_once_whichever_service_is_killed(
    database: asyncpg.Connection, cluster: Cluster
) -> None:
    chance = random.Random(SEED)
    for name in ("coordinator", "coordinator", "scheduler", "worker"):
        cluster.start(name, PRICES)
    await cluster.wait_up()
    async with aiohttp.ClientSession() as session:
        api = Api(session, cluster.services[0].url)
        await api.post(
            "/v1/wallet/top_up", {"owner": "guest", "amount": "100000", "reference": "r"}
        )
        for _ in range(PAID_JOBS):
            await api.submit(PAID)
    for ended in range(5, PAID_JOBS - 5, 5):
        await more_than(database, COMPLETED, ended)
        name = chance.choice(("coordinator", "coordinator", "scheduler"))
        running = [s for s in cluster.services if s.name == name and s.process.poll() is None]
        chance.choice(running).kill()
        cluster.start(name, PRICES)
    await more_than(database, COMPLETED, PAID_JOBS - 1)
    bills = await database.fetch(BILLS)
    assert [bill["payments"] for bill in bills] == [1] * PAID_JOBS
    assert all(bill["paid"] == bill["charged"] > 0 for bill in bills)


async def more_than(database: asyncpg.Connection, counting: str, count: int) -> int:
    """How many there are, as soon as there are more than `count`."""
    async with asyncio.timeout(120):
        while (found := await database.fetchval(counting)) <= count:
            await asyncio.sleep(0.02)
    assert isinstance(found, int)
    return found
