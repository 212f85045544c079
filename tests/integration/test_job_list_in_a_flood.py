"""While jobs pour in that Postgres has no statistics of, a page of the search is met soon."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.coordinator.store.job_list import BEGIN, CAP, PAGE_OF_MANY, Wanted, list_jobs
from services.coordinator.store.rows import PageRequest
from services.coordinator.store.search_text import JobSearch
from shared.postgres.pool import Connection, acquired, create_pool
from shared.process.settings.blocks import PostgresSettings
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import nodes_of

pytestmark = pytest.mark.real

NO_FILTERS: tuple[Any, ...] = ([], None, [], "", "", None, None, "")
POURED = 2 * CAP + 500
# Job n is the n-th; the older half and some more are `early`.
NAME = f"CASE WHEN n <= {CAP + 200} THEN 'flood early' ELSE 'flood late' END"
JOBS = bulk_rows(
    "jobs",
    numbers("$1::int", "$2::int"),
    state="'PENDING'",
    name=NAME,
    created_at="now() + make_interval(secs => n)",
    search=f"job_search({NAME}, NULL, '{{}}')",
)


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    """Of a service's own pool; the table was analysed when there was one job in it."""
    pool = await create_pool(postgres_dsn, PostgresSettings(dsn=postgres_dsn))
    async with acquired(pool) as connection:
        await connection.execute("ALTER TABLE jobs SET (autovacuum_enabled = off)")
        await connection.execute(JOBS, 0, 0)
        await connection.execute("ANALYZE jobs")
        await connection.execute(JOBS, 1, POURED)
        yield connection
    await pool.close()


async def found(connection: Connection, text: str, page: int, size: int) -> list[str]:
    wanted = Wanted(PageRequest(page, size))
    search = JobSearch(words=text, other=text)
    return [job.id for job in (await list_jobs(connection, search, wanted, None)).items]


async def test_a_page_of_jobs_that_pour_in_reads_no_more_of_them_than_it_shows(
    connection: Connection,
) -> None:
    # Given the planning of the search: whole tables may be read
    await connection.execute("SET enable_seqscan = on")
    sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {PAGE_OF_MANY}"
    explained = await connection.fetchval(
        sql, "flood", None, "flood", *NO_FILTERS, 20, 20, *BEGIN["newest"]
    )
    [plan] = json.loads(explained)
    scans = [step for step in nodes_of(plan["Plan"]) if step.get("Relation Name") == "jobs"]
    assert [step["Actual Rows"] for step in scans] == [40]


async def test_pages_of_a_common_word_are_the_newest_with_it_first(connection: Connection) -> None:
    newest = [f"job{n}" for n in range(POURED, POURED - 6, -1)]
    assert await found(connection, "flood", 1, 3) == newest[:3]
    assert await found(connection, "flood", 2, 3) == newest[3:]


async def test_a_word_that_is_common_among_old_jobs_alone_is_found_too(
    connection: Connection,
) -> None:
    assert await found(connection, "early", 1, 2) == [f"job{CAP + 200}", f"job{CAP + 199}"]


async def test_the_last_page_of_a_common_word_has_the_oldest(connection: Connection) -> None:
    assert await found(connection, "flood", POURED // 20 + 1, 20) == ["job0"]
