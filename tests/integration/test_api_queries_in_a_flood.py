"""With any number of tasks waiting, it takes a look at a few of them to tell their queues."""

import json
from collections.abc import AsyncIterator

import pytest

from shared.postgres.pool import Connection, acquired, create_pool
from shared.process.settings.blocks import PostgresSettings
from shared.store.queues_in_use import OLDEST_BY_QUEUE, oldest_by_queue
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import nodes_of

pytestmark = pytest.mark.real

JOB = bulk_rows("jobs", numbers(1, 1), id="'job'")
# Three queues, and one for tasks that run.
STATES = """
(SELECT n, CASE WHEN n % 1000 = 0 THEN 'RUNNING' ELSE 'SCHEDULED' END AS state,
        CASE WHEN n % 1000 = 0 THEN 'busy' WHEN n % 3 = 0 THEN 'a' WHEN n % 3 = 1 THEN 'b'
             ELSE 'c' END AS queue
 FROM generate_series(1, 30000) AS n) AS made
"""
TASKS = bulk_rows(
    "tasks",
    STATES,
    job_id="'job'",
    state="state",
    queue="queue",
    node_id="CASE WHEN state = 'RUNNING' THEN 'n1' END",
    lease_expires_at="CASE WHEN state = 'RUNNING' THEN now() END",
    scheduled_at="now()",
)


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    """Of a service's own pool, with its way of planning; tasks wait in thousands."""
    pool = await create_pool(postgres_dsn, PostgresSettings(dsn=postgres_dsn))
    async with acquired(pool) as connection:
        await connection.execute(JOB)
        await connection.execute(TASKS)
        await connection.execute("VACUUM ANALYZE tasks")
        yield connection
    await pool.close()


async def test_the_queues_of_waiting_tasks_are_told_by_a_few_of_them(
    connection: Connection,
) -> None:
    assert (await oldest_by_queue(connection)).keys() == {"a", "b", "c"}
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {OLDEST_BY_QUEUE}")
    [plan] = json.loads(explained)
    scans = [step for step in nodes_of(plan["Plan"]) if "Relation Name" in step]
    assert sum(step["Actual Rows"] * step["Actual Loops"] for step in scans) < 100
