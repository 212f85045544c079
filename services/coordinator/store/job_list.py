"""The list of jobs, newest first, for those who may see them all and for those who may not.

However many jobs there are and whatever is searched for, a page takes some milliseconds: what is
rare is found by its index and then sorted, what is common is met soon when walking from the newest.
`CAP` tells the two apart, and up to it the total is exact; beyond, it is Postgres' estimate, and
nothing else hangs on that: while jobs pour in it knows little of their words.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from services.coordinator.store.job_search import JobSearch
from services.coordinator.store.pages import Page, PageRequest
from services.coordinator.store.readers import Readers
from services.coordinator.store.rows import SummaryRow
from shared.postgres.pool import Connection

CAP = 10_000
_NEAR = 1_000
"""How far from the first a job may be that is looked for by walking from the newest."""

# What a search is best planned as depends on how common its words are: each is planned anew, and
# what is very common is soonest counted up to the cap by reading the table from its start.
PLAN_EACH = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'on', true)
"""

NEWEST = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""

# The halves are limited before they meet, so that neither reads more than the page needs.
NEWEST_VISIBLE = """
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE readers = '{}'
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
UNION ALL
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE readers <> '{}' AND readers && $3::text[]
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""

# In the searches: $1 all words, $2 the state among them, $3 the other words, $4 tags, $5 readers;
# empty words and tags, no state and no readers ask for nothing.
COUNT = """
SELECT count(*) FROM (
    SELECT FROM jobs
    WHERE ($1 = '' OR search @@ plainto_tsquery('simple', $1)
           OR (state = $2 AND ($3 = '' OR search @@ plainto_tsquery('simple', $3))))
      AND ($4::text[] = '{}' OR tags && $4)
      AND ($5::text[] IS NULL OR readers = '{}' OR readers && $5)
    LIMIT $6) AS found
"""

ESTIMATE = """
EXPLAIN (FORMAT JSON) SELECT FROM jobs
WHERE ($1 = '' OR search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND ($3 = '' OR search @@ plainto_tsquery('simple', $3))))
  AND ($4::text[] = '{}' OR tags && $4)
  AND ($5::text[] IS NULL OR readers = '{}' OR readers && $5)
"""

# Found as a whole first: walking from the newest would pass over nearly all jobs.
PAGE_OF_FEW = """
WITH found AS MATERIALIZED (
    SELECT id, created_at FROM jobs
    WHERE ($1 = '' OR search @@ plainto_tsquery('simple', $1)
           OR (state = $2 AND ($3 = '' OR search @@ plainto_tsquery('simple', $3))))
      AND ($4::text[] = '{}' OR tags && $4)
      AND ($5::text[] IS NULL OR readers = '{}' OR readers && $5)
), page AS MATERIALIZED (
    SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
)
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM page JOIN jobs USING (id) ORDER BY created_at DESC, id DESC
"""

# The inner limit has Postgres walk from the newest, whatever it knows of the words, and ends that.
PAGE_OF_MANY = f"""
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM (SELECT * FROM jobs ORDER BY created_at DESC, id DESC LIMIT {CAP}) AS newest
WHERE ($1 = '' OR search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND ($3 = '' OR search @@ plainto_tsquery('simple', $3))))
  AND ($4::text[] = '{{}}' OR tags && $4)
  AND ($5::text[] IS NULL OR readers = '{{}}' OR readers && $5)
ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
"""  # noqa: S608 - a number of our own

# What is common among the old and rare among the newest, and pages far from the first.
PAGE_OF_MANY_OLD = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs
WHERE ($1 = '' OR search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND ($3 = '' OR search @@ plainto_tsquery('simple', $3))))
  AND ($4::text[] = '{}' OR tags && $4)
  AND ($5::text[] IS NULL OR readers = '{}' OR readers && $5)
ORDER BY created_at DESC, id DESC LIMIT $6 OFFSET $7
"""


async def list_jobs(
    connection: Connection, search: JobSearch, request: PageRequest, readers: Readers
) -> Page[SummaryRow]:
    """Those that `readers` may see."""
    seen_by = None if readers is None else list(readers)
    asked = (search.words, search.state, search.other, list(search.tags), seen_by)
    async with connection.transaction():
        await connection.execute(PLAN_EACH)
        total = await _total(connection, asked)
        rows = await _rows(connection, asked, request, total)
    return Page(request, [SummaryRow(**row) for row in rows], total)


async def _total(connection: Connection, asked: tuple[Any, ...]) -> int:
    count: int = await connection.fetchval(COUNT, *asked, CAP + 1)
    if count <= CAP:
        return count
    [explained] = orjson.loads(await connection.fetchval(ESTIMATE, *asked))
    return max(int(explained["Plan"]["Plan Rows"]), count)


async def _rows(
    connection: Connection, asked: tuple[Any, ...], request: PageRequest, total: int
) -> Sequence[asyncpg.Record]:
    words, *_, tags, readers = asked
    if words or tags:
        return await _found(connection, asked, request, total)
    page = (request.size, request.offset)
    rows: Sequence[asyncpg.Record]
    if readers is None:
        rows = await connection.fetch(NEWEST, *page)
    else:
        rows = await connection.fetch(NEWEST_VISIBLE, *page, readers)
    return rows


async def _found(
    connection: Connection, asked: tuple[Any, ...], request: PageRequest, total: int
) -> Sequence[asyncpg.Record]:
    arguments = (*asked, request.size, request.offset)
    rows: Sequence[asyncpg.Record]
    if total > CAP and request.offset < _NEAR:
        rows = await connection.fetch(PAGE_OF_MANY, *arguments)
        if len(rows) == request.size:
            return rows
    rows = await connection.fetch(PAGE_OF_FEW if total <= CAP else PAGE_OF_MANY_OLD, *arguments)
    return rows
