"""Jobs that wait to be started: by the priority of what waits of them, then the oldest first.

In a flood, of each state the oldest are looked at, so that a page takes some ten milliseconds.
"""

from services.coordinator.store.job_list import FOUND, PLAN_EACH, parameters_of
from services.coordinator.store.rows import (
    IS_LOCKED,
    LISTED_COLUMNS,
    Page,
    PageRequest,
    Readers,
    SummaryRow,
)
from services.coordinator.store.search_text import JobSearch
from shared.postgres.pool import Connection

MOST = 10_000
"""Looked at of each state, and counted."""

_IS_QUEUED = f"started_at IS NULL AND NOT is_held AND NOT {IS_LOCKED}"

QUEUE = f"""
WITH waiting AS MATERIALIZED (
    SELECT a.* FROM unnest('{{PENDING,SCHEDULED}}'::text[]) AS s(name), LATERAL (
        SELECT id, created_at FROM (
            SELECT * FROM jobs WHERE state = s.name ORDER BY created_at, id LIMIT {MOST}) AS oldest
        {FOUND} AND {_IS_QUEUED}) AS a
), page AS MATERIALIZED (
    SELECT w.*, coalesce((SELECT max(t.priority) FROM tasks t
                          WHERE t.job_id = w.id AND t.state IN ('PENDING', 'SCHEDULED')), 0) AS rank
    FROM waiting w ORDER BY rank DESC, created_at, id LIMIT $12 OFFSET $13
)
SELECT c.total, p.* FROM (SELECT count(*) AS total FROM waiting) AS c LEFT JOIN LATERAL (
    SELECT {LISTED_COLUMNS}, rank FROM page JOIN jobs USING (id, created_at)) AS p ON true
ORDER BY p.rank DESC, p.created_at, p.id
"""  # noqa: S608 - conditions of our own

SIZE = f"""
SELECT count(*) FROM (
    SELECT FROM jobs
    WHERE state IN ('PENDING', 'SCHEDULED') AND {_IS_QUEUED} LIMIT {MOST}) AS queued
"""  # noqa: S608 - a condition of our own


async def queued_jobs(
    connection: Connection, search: JobSearch, page: PageRequest, readers: Readers
) -> Page[SummaryRow]:
    """Those that `readers` may see."""
    asked = parameters_of(search, readers)
    async with connection.transaction():
        await connection.execute(PLAN_EACH)
        rows = await connection.fetch(QUEUE, *asked, page.size, page.offset)
    found = [SummaryRow(*summary) for _, *summary, _ in rows if summary[0] is not None]
    return Page(page, found, rows[0]["total"])


async def queue_size(connection: Connection) -> int:
    """Of all jobs, whoever may see them; at most `MOST`."""
    size: int = await connection.fetchval(SIZE)
    return size
