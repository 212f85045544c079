"""With 100,000 rows in the feed, reading on costs what is new and not what is there."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import feed, logs
from services.scheduler.store import retention
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import crowded_connection, nodes_of
from tests.support.servers.postgres import Databases

pytestmark = pytest.mark.real

JOBS = bulk_rows(
    "jobs",
    numbers(0, 1000),
    readers="CASE WHEN n % 3 = 0 THEN ARRAY['user:u' || n % 10] ELSE '{}' END",
)
# Job 0 has nearly all tasks and half of the feed.
TASKS = bulk_rows(
    "tasks",
    numbers(1, 50_000),
    job_id="'job' || (CASE WHEN n % 2 = 0 THEN 0 ELSE n % 1000 END)",
    completed_at="now() - interval '1 h'",
    log_parts="1",
)
EVENTS = """
INSERT INTO job_events (txid, seq, job_id, at, changes)
SELECT n / 1000 + 1, n, 'job' || (CASE WHEN n % 2 = 0 THEN 0 ELSE n % 1000 END),
       now() - make_interval(secs => 100000 - n), '[]'
FROM generate_series(1, 100000) AS n
"""
LOGS = """
INSERT INTO task_log_parts (task_id, number, job_id, contents, created_at, txid, seq)
SELECT id, 1, job_id, 'line', now(), n / 1000 + 1, n
FROM (SELECT *, row_number() OVER () AS n FROM tasks) AS numbered
"""
TABLES = "VACUUM ANALYZE jobs, tasks, job_events, task_log_parts"

NEAR_THE_END = (100, 99_000)  # transaction 101 has not 1,000 rows more
EYES = ["role:public", "user:u7"]

READS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "hub, all jobs": (feed.FEED, (*NEAR_THE_END, 200, None, None, True)),
    "hub, of some readers": (feed.FEED, (*NEAR_THE_END, 200, None, EYES, True)),
    "hub, of some jobs": (feed.FEED, (*NEAR_THE_END, 200, ["job995", "job997"], None, True)),
    "hub, nothing new": (feed.FEED, (10**6, 0, 200, None, None, True)),
    "hub, without logs": (feed.FEED, (*NEAR_THE_END, 200, None, None, False)),
    "from the beginning": (feed.FEED, (0, 0, 200, None, None, True)),
    "a job from its beginning": (feed.FEED_OF_JOB, (0, 0, 200, "job0", None, True)),
    "a job, going on": (feed.FEED_OF_JOB, (*NEAR_THE_END, 200, "job0", None, True)),
    "a small job": (feed.FEED_OF_JOB, (0, 0, 200, "job7", None, True)),
    "end of a job": (logs.END_OF_JOB, ("job7", *NEAR_THE_END)),
    "end of a task": (logs.END_OF_TASK, ("task7", *NEAR_THE_END)),
}
READS_MANY = {name for name, (sql, _) in READS.items() if "horizon" in sql} - {"hub, nothing new"}
MOST_ROWS = 2000
"""Some pages' worth; the tables have a hundred thousand."""


@pytest.fixture(scope="module")
def crowded_dsn(postgres_databases: Databases) -> Iterator[str]:
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
async def crowded(crowded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with crowded_connection(crowded_dsn, [JOBS, TASKS, EVENTS, LOGS, TABLES]) as connection:
        for option in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            await connection.execute(f"SET {option} = off")  # as our pool has it
        yield connection


@pytest.mark.parametrize("name", READS)
async def test_a_look_at_the_feed_reads_little_more_than_it_returns(
    crowded: asyncpg.Connection, name: str
) -> None:
    plan = await generic_plan(crowded, *READS[name])
    rows = [
        (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        for step in nodes_of(plan)
    ]
    assert max(rows) < MOST_ROWS, plan
    assert (plan["Actual Rows"] > 1) == (name in READS_MANY)


async def generic_plan(
    connection: asyncpg.Connection, sql: str, arguments: tuple[Any, ...]
) -> dict[str, Any]:
    """What is made once for all arguments, and how it went with these."""
    async with connection.transaction():
        await connection.execute(feed.WALK_IN_ORDER)
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE look AS {sql}")
        call = f"EXECUTE look({', '.join(map(literal, arguments))})"
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {call}")
        await connection.execute("DEALLOCATE look")
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case list():
            return f"ARRAY[{', '.join(map(literal, value))}]"
        case _:
            return f"'{value}'"


async def test_old_events_are_found_without_reading_all(crowded: asyncpg.Connection) -> None:
    sql = f"EXPLAIN (FORMAT JSON) {retention.OLD_EVENTS}"
    plan = json.loads(await crowded.fetchval(sql, None))[0]["Plan"]
    assert "Seq Scan" not in {step["Node Type"] for step in nodes_of(plan)}
