"""What is taken a few at a time is never more, whatever Postgres thinks of the table's size."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.store.retention import LIMIT, delete_expired_jobs, delete_old_jobs
from services.webhook_dispatcher.store import deliveries, lines
from services.webhook_dispatcher.store.deliveries import Delivery
from shared.postgres.pool import Connection, acquired, create_pool
from shared.process.settings.blocks import PostgresSettings
from shared.store.outbox import CLAIM_LEFTOVERS

pytestmark = pytest.mark.real

ADD_LEFTOVERS = """
INSERT INTO outbox (queue, message_id, priority, body, claimed_until)
SELECT 'default', md5(n::text), 0, '', now() - interval '1 s' FROM generate_series(1, $1::int) AS n
"""
# Over for two hours, and to be deleted since one.
ADD_JOBS = """
INSERT INTO jobs (id, state, name, task_count, created_at, completed_at, delete_at, search)
SELECT gen_random_uuid()::text, 'COMPLETED', 'x', 1, now() - interval '2 h',
       now() - interval '2 h', now() - interval '1 h', job_search('x', NULL, '{}')
FROM generate_series(1, $1::int)
"""


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    """Of a service's own pool, with its way of planning."""
    pool = await create_pool(postgres_dsn, PostgresSettings(dsn=postgres_dsn))
    async with acquired(pool) as connection:
        yield connection
    await pool.close()


def owed(count: int) -> list[Delivery]:
    return [
        Delivery(f"{count}-{n}", "job", n, 0, "http://x", b"", receiver="http://x:80")
        for n in range(count)
    ]


async def test_a_dispatcher_takes_no_more_calls_than_it_has_room_for(
    connection: Connection,
) -> None:
    # Given a table that was analysed when there was one row in it
    await deliveries.add(connection, owed(1))
    await connection.execute("ANALYZE webhook_deliveries")
    await deliveries.add(connection, owed(50))
    [line] = await lines.due(connection, [])
    taken = await lines.take(connection, timedelta(seconds=60), {line: 2})
    assert len(taken.deliveries) == 2


async def test_a_relay_takes_no_more_leftovers_than_it_sends_at_once(
    connection: Connection,
) -> None:
    await connection.execute(ADD_LEFTOVERS, 1)
    await connection.execute("ANALYZE outbox")
    await connection.execute(ADD_LEFTOVERS, 50)
    assert len(await connection.fetch(CLAIM_LEFTOVERS, timedelta(seconds=60), 2)) == 2


async def crowded_when_it_seems_empty(connection: Connection) -> None:
    """The table was analysed when of many jobs only the last was left, and so has its pages."""
    await connection.execute(ADD_JOBS, 40 * LIMIT)
    await connection.execute("DELETE FROM jobs WHERE ctid < (SELECT max(ctid) FROM jobs)")
    await connection.execute("VACUUM ANALYZE jobs")
    await connection.execute(ADD_JOBS, 2 * LIMIT)


async def test_no_more_expired_jobs_are_deleted_at_once_than_a_statement_has_time_for(
    connection: Connection,
) -> None:
    await crowded_when_it_seems_empty(connection)
    assert await delete_expired_jobs(connection) == LIMIT


async def test_no_more_old_jobs_are_deleted_at_once_than_a_statement_has_time_for(
    connection: Connection,
) -> None:
    await crowded_when_it_seems_empty(connection)
    assert await delete_old_jobs(connection, timedelta(hours=1)) == LIMIT
