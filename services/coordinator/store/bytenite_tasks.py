"""The tasks of jobs of ByteNite: their stages and chunks, each by its newest attempt, and logs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import Readers
from shared.jobspec.bytenite.phases import APP
from shared.postgres.pool import Connection

_COLUMNS = """
t.id, t.job_id, i.name AS job_name, t.position, t.child_index, t.state, t.attempt, t.node_id,
t.error, t.exit_code, t.created_at, t.scheduled_at, t.started_at,
coalesce(t.completed_at, t.failed_at) AS ended_at, t.reused_from, t.usage,
(SELECT rates FROM jobs WHERE id = t.job_id) AS rates
"""

# Of each stage and chunk the newest attempt; $2: chunks only.
TASKS = f"""
SELECT * FROM (
    SELECT DISTINCT ON (t.position, coalesce(t.child_index, -1)) {_COLUMNS}
    FROM tasks t JOIN job_identities i ON i.job_id = t.job_id
    LEFT JOIN tasks p ON p.id = t.parent_id
    WHERE t.job_id = $1 AND t.kind = 'task' AND (t.parent_id IS NULL OR p.parent_id IS NULL)
      AND (NOT $2::boolean OR t.position = {APP})
    ORDER BY t.position, coalesce(t.child_index, -1), t.created_at DESC, t.attempt DESC
) AS newest ORDER BY position, child_index LIMIT $3 OFFSET $4
"""  # noqa: S608 - texts of our own

RUNNING = f"""
SELECT {_COLUMNS}
FROM tasks t JOIN job_identities i ON i.job_id = t.job_id AND i.language = 'bytenite'
JOIN jobs j ON j.id = t.job_id
WHERE t.state = 'RUNNING' AND t.kind = 'task' AND ($2::text[] = '{{}}' OR i.name = ANY ($2))
  AND ($1::text[] IS NULL OR j.readers = '{{}}' OR j.readers && $1)
ORDER BY t.started_at, t.id LIMIT $3
"""  # noqa: S608 - texts of our own

# $2: tasks, $3: stages by their positions; empty for all.
LOG = """
SELECT t.id, t.position, t.name, p.contents, p.created_at
FROM task_log_parts p JOIN tasks t ON t.id = p.task_id
WHERE p.job_id = $1 AND ($2::text[] = '{}' OR t.id = ANY ($2))
  AND ($3::int[] = '{}' OR t.position = ANY ($3))
ORDER BY p.created_at DESC, p.task_id, p.number DESC LIMIT $4
"""


class ByteniteTask(NamedTuple):
    """`child_index` is that of a chunk."""

    id: str
    job_id: str
    job_name: str
    position: int
    child_index: int | None
    state: str
    attempt: int
    node_id: str | None
    error: str | None
    exit_code: int | None
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reused_from: str | None
    usage: Mapping[str, int] | None
    rates: Mapping[str, str] | None


class LogPart(NamedTuple):
    """Of a task at `position`."""

    task_id: str
    position: int
    task_name: str
    contents: str
    created_at: datetime


async def tasks(
    connection: Connection, job_id: str, limit: int, offset: int, *, only_chunks: bool = False
) -> list[ByteniteTask]:
    rows = await connection.fetch(TASKS, job_id, only_chunks, limit, offset)
    return [ByteniteTask(*row) for row in rows]


async def running(
    connection: Connection, names: Sequence[str], limit: int, readers: Readers
) -> list[ByteniteTask]:
    """Of all jobs, or of those that are called so."""
    rows = await connection.fetch(RUNNING, readers, list(names), limit)
    return [ByteniteTask(*row) for row in rows]


async def log_parts(
    connection: Connection,
    job_id: str,
    task_ids: Sequence[str],
    positions: Sequence[int],
    limit: int,
) -> list[LogPart]:
    """The last ones, the oldest of them first."""
    rows = await connection.fetch(LOG, job_id, list(task_ids), list(positions), limit)
    return [LogPart(*row) for row in reversed(rows)]
