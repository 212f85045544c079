"""Migrations on a real server: run once whoever starts, whole or not at all."""

import asyncio

import asyncpg
import pytest

from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import Migration, MigrationRejected, migrate, migrations
from tests.support.servers.bulk_rows import bulk_rows, numbers

pytestmark = pytest.mark.real

FIRST = Migration(1, "boats", "CREATE TABLE boats (name text); INSERT INTO boats VALUES ('a');")
SECOND = Migration(2, "oars", "CREATE TABLE oars (length integer); SELECT 1;")
FINGERPRINT = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, parts) VALUES ($1, 'f', 'ann', '{}')
"""
BROKEN = Migration(2, "oars", "CREATE TABLE oars (length integer); SELECT nonsense;")


async def fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_services_that_start_together_run_each_migration_once(
    empty_postgres_dsn: str,
) -> None:
    ran = await asyncio.gather(*(migrate(empty_postgres_dsn, [FIRST, SECOND]) for _ in range(6)))
    assert sorted(ran, key=len) == [[]] * 5 + [["0001_boats", "0002_oars"]]
    assert len(await fetch(empty_postgres_dsn, "SELECT * FROM boats")) == 1
    records = await fetch(empty_postgres_dsn, "SELECT version, name FROM schema_migrations")
    assert [tuple(record) for record in records] == [(1, "boats"), (2, "oars")]


async def test_a_later_version_runs_only_what_is_new(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn, [FIRST])
    assert await migrate(empty_postgres_dsn, [FIRST, SECOND]) == ["0002_oars"]


async def test_a_migration_that_fails_leaves_nothing_and_can_be_repaired(
    empty_postgres_dsn: str,
) -> None:
    with pytest.raises(MigrationRejected, match=r"0002_oars can't be run: .*nonsense"):
        await migrate(empty_postgres_dsn, [FIRST, BROKEN])
    tables = await fetch(empty_postgres_dsn, "SELECT to_regclass('oars') AS oars")
    assert tables[0]["oars"] is None
    assert await migrate(empty_postgres_dsn, [FIRST, SECOND]) == ["0002_oars"]


async def test_an_older_version_works_with_a_newer_database_from_which_nothing_was_taken(
    empty_postgres_dsn: str,
) -> None:
    await migrate(empty_postgres_dsn, [FIRST, SECOND])
    assert await migrate(empty_postgres_dsn, [FIRST]) == []
    await migrate(empty_postgres_dsn, [FIRST, SECOND, Migration(3, "contract_oars", "SELECT 1")])
    with pytest.raises(MigrationRejected, match="too new for this version"):
        await migrate(empty_postgres_dsn, [FIRST])


async def test_the_migrations_that_ship_can_be_run_and_then_there_is_nothing_to_do(
    empty_postgres_dsn: str,
) -> None:
    assert len(await migrate(empty_postgres_dsn)) == len(migrations())
    assert await migrate(empty_postgres_dsn) == []


async def test_fingerprints_learn_of_failures_without_a_lock_that_batches_wait_for(
    empty_postgres_dsn: str,
) -> None:
    """A batch has written jobs, and not yet their fingerprints."""
    shipped = migrations()
    known = {migration.name: migration.version for migration in shipped}
    added, hears = known["alike_jobs_at_scale"], known["failures_of_alike_jobs"]
    await migrate(empty_postgres_dsn, shipped[: added - 1])
    batch = await asyncpg.connect(empty_postgres_dsn)
    failed = {"state": "'FAILED'", "error": "'x'", "failed_at": "now()"}
    for before, after in ((added - 1, added), (hears, hears + 1)):
        await migrate(empty_postgres_dsn, shipped[:before])
        async with batch.transaction(), asyncio.timeout(30):
            await batch.execute(bulk_rows("jobs", numbers(after, after), **failed))
            await migrate(empty_postgres_dsn, shipped[:after])
            await batch.execute(FINGERPRINT, f"job{after}")
    await batch.close()
    query = "SELECT job_id FROM job_fingerprints WHERE has_failed"
    assert [row["job_id"] for row in await fetch(empty_postgres_dsn, query)] == [f"job{added}"]


async def test_a_database_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none")
