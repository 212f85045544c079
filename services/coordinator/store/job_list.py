"""The list of jobs, newest first, for those who may see them all and for those who may not.

However many jobs there are and whatever is searched for, a page takes some milliseconds: what is
rare is found by its index and then sorted, what is common is met soon when walking from the newest.
`CAP` tells the two apart, and up to it the total is exact; beyond, it is Postgres' estimate, and
nothing else hangs on that: while jobs pour in it knows little of their words.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import asyncpg
import orjson

from services.coordinator.store.rows import (
    GUEST,
    LISTED_COLUMNS,
    Page,
    PageRequest,
    Readers,
    SummaryRow,
)
from services.coordinator.store.search_text import EVERYTHING, JobSearch
from shared.postgres.pool import Connection

Query: TypeAlias = tuple[Any, ...]
"""A statement and its first arguments."""

CAP = 10_000
_NEAR = 1_000
"""How far from the first a job may be that is looked for by walking from the newest."""

# What a search is best planned as depends on how common its words are: each is planned anew, and
# what is very common is soonest counted up to the cap by reading the table from its start.
PLAN_EACH = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'on', true)
"""

NEWEST = f"""
SELECT {LISTED_COLUMNS} FROM jobs ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""  # noqa: S608 - columns of our own

# The halves are limited before they meet, so that neither reads more than the page needs.
NEWEST_VISIBLE = f"""
(SELECT {LISTED_COLUMNS} FROM jobs WHERE readers = '{{}}'
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
UNION ALL
(SELECT {LISTED_COLUMNS} FROM jobs WHERE readers <> '{{}}' AND readers && $3::text[]
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""  # noqa: S608 - columns of our own

# In the searches: $1 all words, $2 the state among them, $3 the other words, $4 tags, $5 readers,
# $6 states, $7 words of the name, $8 the creator, $9 and $10 when it was created; what is empty or
# NULL asks for nothing.
FOUND = f"""
WHERE ($1 = '' OR search @@ job_query($1)
       OR (state = $2 AND ($3 = '' OR search @@ job_query($3))))
  AND ($4::text[] = '{{}}' OR tags && $4)
  AND ($5::text[] IS NULL OR readers = '{{}}' OR readers && $5)
  AND ($6::text[] = '{{}}' OR state = ANY($6))
  AND ($7 = '' OR (search @@ job_query($7) AND job_search(name, NULL, '{{}}') @@ job_query($7)))
  AND ($8 = '' OR lower(split_part(created_by, '~', 1)) = lower($8)
       OR (lower($8) = '{GUEST}' AND created_by IS NULL))
  AND ($9::timestamptz IS NULL OR created_at >= $9)
  AND ($10::timestamptz IS NULL OR created_at < $10)
"""

COUNT = f"""
SELECT count(*) FROM (
    SELECT FROM jobs
    {FOUND}
    LIMIT $11) AS found
"""  # noqa: S608 - a condition of our own

COUNT_ALL = "SELECT count(*) FROM (SELECT FROM jobs LIMIT $1) AS found"

ESTIMATE_ALL = "EXPLAIN (FORMAT JSON) SELECT FROM jobs"

ESTIMATE = f"""
EXPLAIN (FORMAT JSON) SELECT FROM jobs
{FOUND}
"""

# Found as a whole first: walking from the newest would pass over nearly all jobs.
PAGE_OF_FEW = f"""
WITH found AS MATERIALIZED (
    SELECT id, created_at FROM jobs
    {FOUND}
), page AS MATERIALIZED (
    SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT $11 OFFSET $12
)
SELECT {LISTED_COLUMNS} FROM page JOIN jobs USING (id) ORDER BY created_at DESC, id DESC
"""  # noqa: S608 - columns of our own

# The inner limit has Postgres walk from the newest, whatever it knows of the words, and ends that.
PAGE_OF_MANY = f"""
SELECT {LISTED_COLUMNS}
FROM (SELECT * FROM jobs ORDER BY created_at DESC, id DESC LIMIT {CAP}) AS newest
{FOUND}
ORDER BY created_at DESC, id DESC LIMIT $11 OFFSET $12
"""  # noqa: S608 - columns of our own

# What is common among the old and rare among the newest, and pages far from the first.
PAGE_OF_MANY_OLD = f"""
SELECT {LISTED_COLUMNS} FROM jobs
{FOUND}
ORDER BY created_at DESC, id DESC LIMIT $11 OFFSET $12
"""  # noqa: S608 - columns of our own


async def list_jobs(
    connection: Connection, search: JobSearch, request: PageRequest, readers: Readers
) -> Page[SummaryRow]:
    """Those that `readers` may see."""
    if readers is None and search == EVERYTHING:  # what most ask for needs no planning
        total = await _count(connection, (COUNT_ALL,), (ESTIMATE_ALL,))
        rows = await connection.fetch(NEWEST, request.size, request.offset)
    else:
        asked = parameters_of(search, readers)
        async with connection.transaction():
            await connection.execute(PLAN_EACH)
            total = await _count(connection, (COUNT, *asked), (ESTIMATE, *asked))
            if search == EVERYTHING:
                seen_by = list(readers or ())
                rows = await connection.fetch(NEWEST_VISIBLE, request.size, request.offset, seen_by)
            else:
                rows = await _found(connection, asked, request, total)
    return Page(request, [SummaryRow._make(row) for row in rows], total)


def parameters_of(search: JobSearch, readers: Readers) -> tuple[Any, ...]:
    """Those of `FOUND`, which are the first ten of the searches."""
    return (
        search.words,
        search.state,
        search.other,
        list(search.tags),
        None if readers is None else list(readers),
        list(search.states),
        search.name_words,
        search.created_by,
        search.since,
        search.before,
    )


async def _count(connection: Connection, count: Query, estimate: Query) -> int:
    counted: int = await connection.fetchval(*count, CAP + 1)
    if counted <= CAP:
        return counted
    [explained] = orjson.loads(await connection.fetchval(*estimate))
    return max(int(explained["Plan"]["Plan Rows"]), counted)


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
