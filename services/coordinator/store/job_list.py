"""The list of jobs, newest or oldest first, for those who may see them all and for all others.

However many jobs there are and whatever is searched for, a page takes some milliseconds: what is
rare is found by its index and then sorted, what is common is met soon when walking from the newest.
`CAP` tells the two apart, and up to it the total is exact; beyond, it is Postgres' estimate, and
nothing else hangs on that: while jobs pour in it knows little of their words.

What follows a job is found by its place in the list, however far that is: jobs that come or go
meanwhile move nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

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
"""How far from the place a job may be that is looked for by walking from there."""

# What a search is best planned as depends on how common its words are: each is planned anew, and
# what is very common is soonest counted up to the cap by reading the table from its start.
PLAN_EACH = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'on', true)
"""

Order = Literal["newest", "oldest"]


class Place(NamedTuple):
    """Of a job in the list."""

    created_at: datetime
    id: str


BEGIN: dict[Order, Place] = {
    "newest": Place(datetime.max.replace(tzinfo=UTC), ""),
    "oldest": Place(datetime.min.replace(tzinfo=UTC), ""),
}
"""What all jobs come after."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of what comes after a place."""

    page: PageRequest
    order: Order = "newest"
    after: Place | None = None

    @property
    def begin(self) -> Place:
        return self.after or BEGIN[self.order]


# An index of jobs by their times is read from either end.
_DOWN, _UP = ("DESC", "<"), ("ASC", ">")


def _sorted(direction: str) -> str:
    return f"ORDER BY created_at {direction}, id {direction}"


# What is shown of a job is computed for the page only: of 10,000 jobs before it, it would take half
# a second.
def _shown(page: str, direction: str) -> str:
    return f"""
WITH page AS MATERIALIZED ({page})
SELECT {LISTED_COLUMNS} FROM page JOIN jobs USING (created_at, id) {_sorted(direction)}
"""  # noqa: S608 - parts of our own


def _all(direction: str, comes_after: str) -> str:
    page = f"""
SELECT created_at, id FROM jobs WHERE (created_at, id) {comes_after} ($3, $4)
{_sorted(direction)} LIMIT $1 OFFSET $2
"""  # noqa: S608 - parts of our own
    return _shown(page, direction)


# The halves are limited before they meet, so that neither reads more than the page needs.
def _visible(direction: str, comes_after: str) -> str:
    def half(condition: str) -> str:
        return f"""
(SELECT created_at, id FROM jobs WHERE {condition} AND (created_at, id) {comes_after} ($3, $4)
 {_sorted(direction)} LIMIT $1::bigint + $2::bigint)
"""  # noqa: S608 - parts of our own

    shared = half("readers <> '{}' AND readers && $5::text[]")
    public = half("readers = '{}'")
    page = f"{public} UNION ALL {shared} {_sorted(direction)} LIMIT $1 OFFSET $2"
    return _shown(page, direction)


NEWEST, OLDEST = _all(*_DOWN), _all(*_UP)
NEWEST_VISIBLE, OLDEST_VISIBLE = _visible(*_DOWN), _visible(*_UP)

# In the searches: $1 all words, $2 the state among them, $3 the other words, $4 tags, $5 readers,
# $6 states, $7 words of the name, $8 the creator, $9 and $10 when it was created, $11 the
# template; what is empty or NULL asks for nothing.
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
  AND ($11 = '' OR template LIKE $11)
"""

COUNT = f"""
SELECT count(*) FROM (
    SELECT FROM jobs
    {FOUND}
    LIMIT $12) AS found
"""  # noqa: S608 - a condition of our own

COUNT_ALL = "SELECT count(*) FROM (SELECT FROM jobs LIMIT $1) AS found"

ESTIMATE_ALL = "EXPLAIN (FORMAT JSON) SELECT FROM jobs"

ESTIMATE = f"""
EXPLAIN (FORMAT JSON) SELECT FROM jobs
{FOUND}
"""


# In the pages $12 and $13 are limit and offset, $14 and $15 the place that they come after.
# Found as a whole first: walking from the newest would pass over nearly all jobs.
def _of_few(direction: str, comes_after: str) -> str:
    return f"""
WITH found AS MATERIALIZED (
    SELECT id, created_at FROM jobs
    {FOUND}
), page AS MATERIALIZED (
    SELECT id FROM found WHERE (created_at, id) {comes_after} ($14, $15)
    {_sorted(direction)} LIMIT $12 OFFSET $13
)
SELECT {LISTED_COLUMNS} FROM page JOIN jobs USING (id) {_sorted(direction)}
"""  # noqa: S608 - parts of our own


# The inner limit has Postgres walk from the place, whatever it knows of the words, and ends that.
def _of_many(direction: str, comes_after: str) -> str:
    return f"""
SELECT {LISTED_COLUMNS}
FROM (SELECT * FROM jobs WHERE (created_at, id) {comes_after} ($14, $15)
      {_sorted(direction)} LIMIT {CAP}) AS near
{FOUND}
{_sorted(direction)} LIMIT $12 OFFSET $13
"""  # noqa: S608 - parts of our own


# What is common, and rare near the place; and pages far from it.
def _of_many_far(direction: str, comes_after: str) -> str:
    return f"""
SELECT {LISTED_COLUMNS} FROM jobs
{FOUND} AND (created_at, id) {comes_after} ($14, $15)
{_sorted(direction)} LIMIT $12 OFFSET $13
"""  # noqa: S608 - parts of our own


PAGE_OF_FEW, OLDEST_OF_FEW = _of_few(*_DOWN), _of_few(*_UP)
PAGE_OF_MANY, OLDEST_OF_MANY = _of_many(*_DOWN), _of_many(*_UP)
PAGE_OF_MANY_FAR, OLDEST_OF_MANY_FAR = _of_many_far(*_DOWN), _of_many_far(*_UP)


class _Statements(NamedTuple):
    everything: str
    visible: str
    of_few: str
    of_many: str
    of_many_far: str


_BY_ORDER: dict[Order, _Statements] = {
    "newest": _Statements(NEWEST, NEWEST_VISIBLE, PAGE_OF_FEW, PAGE_OF_MANY, PAGE_OF_MANY_FAR),
    "oldest": _Statements(
        OLDEST, OLDEST_VISIBLE, OLDEST_OF_FEW, OLDEST_OF_MANY, OLDEST_OF_MANY_FAR
    ),
}


async def list_jobs(
    connection: Connection, search: JobSearch, wanted: Wanted, readers: Readers
) -> Page[SummaryRow]:
    """Those that `readers` may see; the total is of all that are found, before the place too."""
    statements = _BY_ORDER[wanted.order]
    plain = (wanted.page.size, wanted.page.offset, *wanted.begin)
    if readers is None and search == EVERYTHING:  # what most ask for needs no planning
        total = await _count(connection, (COUNT_ALL,), (ESTIMATE_ALL,))
        rows = await connection.fetch(statements.everything, *plain)
    else:
        asked = parameters_of(search, readers)
        async with connection.transaction():
            await connection.execute(PLAN_EACH)
            total = await _count(connection, (COUNT, *asked), (ESTIMATE, *asked))
            if search == EVERYTHING:
                rows = await connection.fetch(statements.visible, *plain, list(readers or ()))
            else:
                rows = await _found(connection, asked, wanted, total)
    return Page(wanted.page, [SummaryRow._make(row) for row in rows], total)


def parameters_of(search: JobSearch, readers: Readers) -> tuple[Any, ...]:
    """Those of `FOUND`, which are the first eleven of the searches."""
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
        search.template,
    )


async def _count(connection: Connection, count: Query, estimate: Query) -> int:
    counted: int = await connection.fetchval(*count, CAP + 1)
    if counted <= CAP:
        return counted
    [explained] = orjson.loads(await connection.fetchval(*estimate))
    return max(int(explained["Plan"]["Plan Rows"]), counted)


async def _found(
    connection: Connection, asked: tuple[Any, ...], wanted: Wanted, total: int
) -> Sequence[asyncpg.Record]:
    statements, page = _BY_ORDER[wanted.order], wanted.page
    arguments = (*asked, page.size, page.offset, *wanted.begin)
    rows: Sequence[asyncpg.Record]
    if total > CAP and page.offset < _NEAR:
        rows = await connection.fetch(statements.of_many, *arguments)
        if len(rows) == page.size:
            return rows
    rest = statements.of_few if total <= CAP else statements.of_many_far
    rows = await connection.fetch(rest, *arguments)
    return rows
