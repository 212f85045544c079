"""The list of the jobs that one principal may see: `job_list` with its readers as last parameter.

Apart from `job_list`, whose counts an index alone can answer.
"""

from collections.abc import Sequence

import asyncpg

from services.coordinator.store.job_search import JobSearch
from services.coordinator.store.pages import Page, PageRequest
from services.coordinator.store.rows import SummaryRow
from shared.postgres.pool import Connection

# The halves are limited before they meet, so that neither reads more than the page needs.
LIST_VISIBLE = """
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE readers = '{}'
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
UNION ALL
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE readers <> '{}' AND readers && $3::text[]
 ORDER BY created_at DESC, id DESC LIMIT $1::bigint + $2::bigint)
ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""

# All but the private jobs of others: all are counted from an index alone.
COUNT_VISIBLE = """
SELECT (SELECT count(*) FROM jobs)
     - (SELECT count(*) FROM jobs WHERE readers <> '{}' AND NOT readers && $1::text[])
"""

LIST_VISIBLE_IN_STATE = """
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE state = $1 AND (readers = '{}' OR readers && $4::text[])
 ORDER BY created_at DESC, id DESC LIMIT $2::bigint + $3::bigint)
UNION ALL
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE search @@ plainto_tsquery('simple', $1) AND state <> $1
                 AND (readers = '{}' OR readers && $4::text[])
 ORDER BY created_at DESC, id DESC LIMIT $2::bigint + $3::bigint)
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT_VISIBLE_IN_STATE = """
SELECT (SELECT count(*) FROM jobs WHERE state = $1)
     - (SELECT count(*) FROM jobs
        WHERE state = $1 AND readers <> '{}' AND NOT readers && $2::text[])
     + (SELECT count(*) FROM jobs
        WHERE search @@ plainto_tsquery('simple', $1) AND state <> $1
              AND (readers = '{}' OR readers && $2::text[]))
"""

LIST_VISIBLE_TAGGED = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs WHERE tags && $1::text[] AND (readers = '{}' OR readers && $4::text[])
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT_VISIBLE_TAGGED = """
SELECT count(*) FROM jobs WHERE tags && $1::text[] AND (readers = '{}' OR readers && $2::text[])
"""

# $1 all words, $2 the state among them, $3 the other words, $4 tags (may be empty)
LIST_VISIBLE_MATCHING = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs
WHERE (search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND (search @@ plainto_tsquery('simple', $3) OR $3 = '')))
  AND ($4::text[] = '{}' OR tags && $4) AND (readers = '{}' OR readers && $7::text[])
ORDER BY created_at DESC, id DESC LIMIT $5 OFFSET $6
"""

COUNT_VISIBLE_MATCHING = """
SELECT count(*) FROM jobs
WHERE (search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND (search @@ plainto_tsquery('simple', $3) OR $3 = '')))
  AND ($4::text[] = '{}' OR tags && $4) AND (readers = '{}' OR readers && $5::text[])
"""


async def list_visible_jobs(
    connection: Connection, search: JobSearch, request: PageRequest, readers: Sequence[str]
) -> Page[SummaryRow]:
    """Those that have no readers of their own, or one of `readers`."""
    rows, total = await _found(connection, search, request, list(readers))
    return Page(request, [SummaryRow(**row) for row in rows], total)


async def _found(
    connection: Connection, search: JobSearch, request: PageRequest, readers: list[str]
) -> tuple[Sequence[asyncpg.Record], int]:
    page = (request.size, request.offset)
    if search.is_state_alone:
        return (
            await connection.fetch(LIST_VISIBLE_IN_STATE, search.state, *page, readers),
            await connection.fetchval(COUNT_VISIBLE_IN_STATE, search.state, readers),
        )
    if search.words:
        asked = (search.words, search.state, search.other, list(search.tags))
        return (
            await connection.fetch(LIST_VISIBLE_MATCHING, *asked, *page, readers),
            await connection.fetchval(COUNT_VISIBLE_MATCHING, *asked, readers),
        )
    if search.tags:
        tags = list(search.tags)
        return (
            await connection.fetch(LIST_VISIBLE_TAGGED, tags, *page, readers),
            await connection.fetchval(COUNT_VISIBLE_TAGGED, tags, readers),
        )
    return (
        await connection.fetch(LIST_VISIBLE, *page, readers),
        await connection.fetchval(COUNT_VISIBLE, readers),
    )
