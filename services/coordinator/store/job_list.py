"""The list of all jobs, newest first. Every query walks an index, whatever is searched for.

`visible_job_list` has the same for those who may not see all jobs.
"""

from collections.abc import Sequence

import asyncpg

from services.coordinator.store.job_search import JobSearch
from services.coordinator.store.pages import Page, PageRequest
from services.coordinator.store.rows import SummaryRow
from shared.postgres.pool import Connection

LIST_ALL = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
"""

COUNT_ALL = "SELECT count(*) FROM jobs"

# The halves are limited before they meet, so that neither reads more than the page needs.
LIST_IN_STATE = """
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE state = $1
 ORDER BY created_at DESC, id DESC LIMIT $2::bigint + $3::bigint)
UNION ALL
(SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
        created_at, started_at, completed_at, failed_at, result, error, created_by,
        schedule_id, schedule_cron(schedule_id) AS schedule_cron
 FROM jobs WHERE search @@ plainto_tsquery('simple', $1) AND state <> $1
 ORDER BY created_at DESC, id DESC LIMIT $2::bigint + $3::bigint)
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT_IN_STATE = """
SELECT (SELECT count(*) FROM jobs WHERE state = $1)
     + (SELECT count(*) FROM jobs WHERE search @@ plainto_tsquery('simple', $1) AND state <> $1)
"""

LIST_TAGGED = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs WHERE tags && $1::text[]
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT_TAGGED = "SELECT count(*) FROM jobs WHERE tags && $1::text[]"

# $1 all words, $2 the state among them, $3 the other words, $4 tags (may be empty)
LIST_MATCHING = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs
WHERE (search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND (search @@ plainto_tsquery('simple', $3) OR $3 = '')))
  AND ($4::text[] = '{}' OR tags && $4)
ORDER BY created_at DESC, id DESC LIMIT $5 OFFSET $6
"""

COUNT_MATCHING = """
SELECT count(*) FROM jobs
WHERE (search @@ plainto_tsquery('simple', $1)
       OR (state = $2 AND (search @@ plainto_tsquery('simple', $3) OR $3 = '')))
  AND ($4::text[] = '{}' OR tags && $4)
"""


async def list_jobs(
    connection: Connection, search: JobSearch, request: PageRequest
) -> Page[SummaryRow]:
    rows, total = await _found(connection, search, request)
    return Page(request, [SummaryRow(**row) for row in rows], total)


async def _found(
    connection: Connection, search: JobSearch, request: PageRequest
) -> tuple[Sequence[asyncpg.Record], int]:
    page = (request.size, request.offset)
    if search.is_state_alone:
        return (
            await connection.fetch(LIST_IN_STATE, search.state, *page),
            await connection.fetchval(COUNT_IN_STATE, search.state),
        )
    if search.words:
        asked = (search.words, search.state, search.other, list(search.tags))
        return (
            await connection.fetch(LIST_MATCHING, *asked, *page),
            await connection.fetchval(COUNT_MATCHING, *asked),
        )
    if search.tags:
        return (
            await connection.fetch(LIST_TAGGED, list(search.tags), *page),
            await connection.fetchval(COUNT_TAGGED, list(search.tags)),
        )
    return await connection.fetch(LIST_ALL, *page), await connection.fetchval(COUNT_ALL)
