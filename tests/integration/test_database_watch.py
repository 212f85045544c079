"""What /health says of Postgres: that it is away, not migrated, takes no writes, or has no room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from shared.postgres.migrate import migrate, migrations, newest_version
from shared.postgres.pool import create_pool
from shared.postgres.watch import DatabaseWatch
from shared.process.settings.blocks import PostgresSettings
from tests.support.availability import unavailable
from tests.support.eventually import eventually
from tests.support.servers.postgres import FAST, PrivatePostgres, private_server
from tests.support.servers.small_disk import can_mount, small_disk

pytestmark = pytest.mark.real

OF_A_PRIMARY = {**FAST, "wal_level": "replica"}
DISK_MEGABYTES = 200
NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
WRITTEN_ASIDE = "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()"


@asynccontextmanager
async def watch_on(dsn: str) -> AsyncIterator[DatabaseWatch]:
    pool = await create_pool(dsn, PostgresSettings(dsn=SecretStr(dsn)), name="test")
    try:
        yield DatabaseWatch(pool)
    finally:
        pool.terminate()


async def seen(watch: DatabaseWatch, missing: str | None) -> None:
    """Wait until this, and no more, is missing."""
    expected = () if missing is None else (missing,)
    async with asyncio.timeout(30):
        while True:
            await watch.look()
            if watch.missing() == expected:
                return
            await asyncio.sleep(0.01)


async def told(server: PrivatePostgres, question: str) -> Any:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_service_starts_without_its_database_and_finds_it_later(
    empty_private_postgres: PrivatePostgres,
) -> None:
    await asyncio.to_thread(empty_private_postgres.stop)
    async with watch_on(empty_private_postgres.tcp_dsn) as watch:
        await watch.look()
        assert watch.missing()[0].startswith("postgres: ")
        await asyncio.to_thread(empty_private_postgres.start)
        await watch.look()
        [missing] = watch.missing()
        assert "is the schema up to date?" in missing
        await migrate(empty_private_postgres.tcp_dsn)
        await watch.look()
        assert watch.missing() == ()


async def test_a_database_between_two_migrations_is_not_there_yet(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn, migrations()[:-1])
    async with watch_on(empty_postgres_dsn) as watch:
        await watch.look()
        newest = newest_version()
        expected = f"postgres: the schema is at version {newest - 1}, not yet at {newest}"
        assert watch.missing() == (expected,)


async def test_a_database_that_takes_no_writes_is_missing_until_it_does(
    private_postgres: PrivatePostgres,
) -> None:
    async with watch_on(private_postgres.dsn) as watch:
        await seen(watch, None)
        # When its operator makes it read-only, for connections that are open too
        setting = "default_transaction_read_only"
        await private_postgres.execute(
            f"ALTER SYSTEM SET {setting} = on", "SELECT pg_reload_conf()"
        )
        await seen(watch, f"postgres: it takes no writes: {setting} is on")
        await private_postgres.execute(f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
        await seen(watch, None)


async def test_a_standby_is_missing_until_it_is_promoted(tmp_path: Path) -> None:
    path = tmp_path / "postgres"
    with private_server(path, OF_A_PRIMARY) as server:
        await migrate(server.dsn)
        # Given a server that has become a standby
        await asyncio.to_thread(server.stop)
        (path / "data" / "standby.signal").touch()
        await asyncio.to_thread(server.start)
        async with watch_on(server.dsn) as watch:
            await seen(watch, "postgres: it is a standby, which takes no writes")
            await server.execute("SELECT pg_promote()")
            await seen(watch, None)


async def test_a_database_without_room_is_missing_until_there_is_some(tmp_path: Path) -> None:
    if not can_mount():
        unavailable("needs root: a disk that can be filled is mounted for it")
    with (
        small_disk(tmp_path / "disk", DISK_MEGABYTES) as disk,
        private_server(disk.path / "postgres", FAST) as server,
    ):
        await migrate(server.dsn)
        async with watch_on(server.dsn) as watch:
            disk.fill()
            await watch.look()
            [missing] = watch.missing()
            assert missing.startswith("postgres: ")
            assert missing.endswith("No space left on device")
            disk.make_room()
            await seen(watch, None)


async def test_a_look_writes_a_file_now_and_then_and_no_row(tmp_path: Path) -> None:
    # Given a server where nobody else writes
    with private_server(tmp_path / "postgres", {**FAST, "autovacuum": "off"}) as server:
        await migrate(server.dsn)
        before = await told(server, NEXT_TRANSACTION)
        async with watch_on(server.dsn) as watch:
            for _ in range(20):
                await watch.look()
        # The server counts what a connection did when that has ended
        files = await eventually(lambda: told(server, WRITTEN_ASIDE), 30)
        assert (files, await told(server, NEXT_TRANSACTION)) == (1, before)
