"""The pool: what goes in comes out, and an outage is over when the server is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr

from shared.postgres import pool as pool_module
from shared.postgres.errors import DatabaseUnavailable, TransactionConflict
from shared.postgres.pool import Pool, acquired, create_pool
from shared.process.settings.blocks import PostgresSettings
from tests.support.servers.postgres import PrivatePostgres

pytestmark = pytest.mark.real


@asynccontextmanager
async def pool_on(dsn: str, max_connections: int = 4) -> AsyncIterator[Pool]:
    settings = PostgresSettings(dsn=SecretStr(dsn), pool_max_connections=max_connections)
    pool = await create_pool(dsn, settings, name="test")
    try:
        yield pool
    finally:
        pool.terminate()


async def test_json_and_times_come_back_as_they_went_in(postgres_dsn: str) -> None:
    value = {"name": "ä", "list": [1, 2.5, None, True], "nested": {"x": "y"}}
    now = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    async with pool_on(postgres_dsn) as pool, acquired(pool) as connection:
        row = await connection.fetchrow(
            "SELECT $1::jsonb AS value, $2::timestamptz AS at, $3::jsonb[] AS many",
            value,
            now,
            [value, {}],
        )
        assert tuple(row) == (value, now, [value, {}])
        assert row["at"].utcoffset().total_seconds() == 0
        assert await connection.fetchval("SHOW application_name") == "test"


async def test_who_stands_still_in_a_transaction_keeps_nobody_from_its_rows(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pool_module._LONGEST_PAUSE, "idle_in_transaction_session_timeout", "50ms")
    async with pool_on(postgres_dsn) as pool, acquired(pool) as other:
        await other.execute("CREATE TABLE things (id int); INSERT INTO things VALUES (1)")
        # Given a process that has locked a row and then is frozen: it never gives back
        frozen = await pool.acquire()
        await frozen.execute("BEGIN; UPDATE things SET id = 2")
        # Then another gets the row all the same, and the frozen one has changed nothing
        assert await other.fetchval("UPDATE things SET id = id + 2 RETURNING id") == 3


async def test_json_can_be_copied_in_bulk(postgres_dsn: str) -> None:
    async with pool_on(postgres_dsn) as pool, acquired(pool) as connection:
        await connection.execute("CREATE TEMPORARY TABLE bulk (value jsonb)")
        await connection.copy_records_to_table("bulk", records=[({"n": n},) for n in range(3)])
        rows = await connection.fetch("SELECT value FROM bulk")
    assert [row["value"] for row in rows] == [{"n": 0}, {"n": 1}, {"n": 2}]


async def read_for_ever(pool: Pool) -> None:
    """A killed server's children may answer a moment longer than it lives."""
    async with asyncio.timeout(60):
        while True:
            async with acquired(pool) as connection:
                await connection.fetchval("SELECT n FROM boats")


async def test_a_killed_server_is_unavailable_and_its_commits_are_there_afterwards(
    private_postgres: PrivatePostgres,
) -> None:
    async with pool_on(private_postgres.dsn) as pool:
        async with acquired(pool) as connection:
            await connection.execute("CREATE TABLE boats AS SELECT 1 AS n")
        await asyncio.to_thread(private_postgres.kill)
        with pytest.raises(DatabaseUnavailable):
            await read_for_ever(pool)
        await asyncio.to_thread(private_postgres.start)
        async with acquired(pool) as connection:
            assert await connection.fetchval("SELECT n FROM boats") == 1


async def test_a_pool_without_a_free_connection_is_unavailable(postgres_dsn: str) -> None:
    async with pool_on(postgres_dsn, max_connections=1) as pool, acquired(pool):
        with pytest.raises(DatabaseUnavailable):
            async with acquired(pool, timeout_seconds=0.01):
                pass


async def test_transactions_in_each_others_way_are_a_conflict(postgres_dsn: str) -> None:
    async with pool_on(postgres_dsn) as pool, acquired(pool) as first:
        await first.execute("CREATE TABLE counter AS SELECT 0 AS n")
        transaction = first.transaction(isolation="repeatable_read")
        await transaction.start()
        await first.fetchval("SELECT n FROM counter")
        async with acquired(pool) as second:
            await second.execute("UPDATE counter SET n = 1")
        with pytest.raises(TransactionConflict):
            async with acquired(pool) as _:
                await first.execute("UPDATE counter SET n = 2")
        await transaction.rollback()


async def test_over_tcp_nobody_gets_in_without_the_password(
    private_postgres: PrivatePostgres,
) -> None:
    with_wrong_password = private_postgres.tcp_dsn.replace("conveyor:", "conveyor:wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(with_wrong_password)
