"""One job or one task, with all that is shown of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import NamedTuple

from services.coordinator.store.rows import (
    ATTEMPT_COLUMNS,
    LONGEST_ATTEMPT,
    SUMMARY_COLUMNS,
    TASK_COLUMNS,
    JobRow,
    JsonObject,
    Readers,
    SummaryRow,
    TaskOfJob,
    TaskRow,
)
from shared.postgres.pool import Connection, Pool, acquired

LARGE = 1000
"""A job with more tasks, or attempts at them, is read in portions."""
PORTION = 500

JOB = f"""
SELECT {SUMMARY_COLUMNS}, secret_names, output, defaults, webhooks, auto_delete_after, delete_at,
       coalesce(shown_permissions(permissions), '[]') AS permissions, timeout, uploads,
       is_held, start_at, must_end_at, budget, slots, reuse,
       (SELECT jsonb_object_agg(name, value) FROM job_variables
        WHERE job_id = $1 AND octet_length(value) <= {LONGEST_ATTEMPT}) AS variables,
       task_count > {LARGE}
       OR (SELECT count(*) FROM (SELECT FROM tasks WHERE job_id = $1 LIMIT {LARGE} + 1) AS few)
          > {LARGE} AS is_large
FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{{}}' OR readers && $2)
"""  # noqa: S608 - columns of our own

SUMMARY = f"""
SELECT {SUMMARY_COLUMNS}
FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{{}}' OR readers && $2)
"""  # noqa: S608 - columns of our own

JOB_TASKS = """
SELECT position, task FROM job_tasks WHERE job_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""

# The order has no ties, so that one can go on after any row.
EXECUTION = f"""
SELECT {ATTEMPT_COLUMNS} FROM tasks WHERE job_id = $1
ORDER BY position, created_at, coalesce(parent_id, ''), coalesce(child_index, -1), attempt, id
"""  # noqa: S608 - columns of our own

EXECUTION_AFTER = f"""
SELECT {ATTEMPT_COLUMNS} FROM tasks
WHERE job_id = $1 AND (position, created_at) >= ($2, $3)
  AND (position, created_at, coalesce(parent_id, ''), coalesce(child_index, -1), attempt, id)
      > ($2, $3, coalesce($4, ''), coalesce($5, -1), $6, $7)
ORDER BY position, created_at, coalesce(parent_id, ''), coalesce(child_index, -1), attempt, id
LIMIT $8
"""  # noqa: S608 - columns of our own

TASK = f"""
SELECT t.*, j.sealed
FROM (SELECT {TASK_COLUMNS} FROM tasks WHERE id = $1) AS t JOIN jobs j ON j.id = t.job_id
WHERE $2::text[] IS NULL OR j.readers = '{{}}' OR j.readers && $2
"""  # noqa: S608 - columns of our own

SEALED = "SELECT sealed FROM jobs WHERE id = ANY($1::text[]) AND sealed IS NOT NULL"

SHARING = "SELECT readers, permissions, created_by FROM jobs WHERE id = $1"

IS_SHARED_WITH = """
SELECT EXISTS (SELECT FROM jobs
               WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2))
"""

# A job that was deleted meanwhile is over too.
FINAL_JOBS = """
SELECT asked.id FROM unnest($1::text[]) AS asked(id)
LEFT JOIN jobs j ON j.id = asked.id
WHERE j.id IS NULL OR j.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
"""


# As it was submitted, or as it was evaluated when it began.
POSITION_OF = """
SELECT position FROM job_tasks WHERE job_id = $1 AND task->>'name' = $2
UNION ALL
SELECT position FROM tasks WHERE job_id = $1 AND parent_id IS NULL AND name = $2
LIMIT 1
"""


async def position_of(connection: Connection, job_id: str, name: str) -> int | None:
    """Of the task of the job's own list with that name."""
    position: int | None = await connection.fetchval(POSITION_OF, job_id, name)
    return position


async def job(connection: Connection, job_id: str, readers: Readers) -> JobRow | None:
    row = await connection.fetchrow(JOB, job_id, readers)
    width = len(SummaryRow._fields)
    return None if row is None else JobRow(SummaryRow(*row[:width]), *row[width:])


async def summary(connection: Connection, job_id: str, readers: Readers) -> SummaryRow | None:
    row = await connection.fetchrow(SUMMARY, job_id, readers)
    return None if row is None else SummaryRow(*row)


async def few_tasks(connection: Connection, job_id: str) -> list[JsonObject]:
    """The tasks as submitted, of a job that is not large."""
    return [row["task"] for row in await connection.fetch(JOB_TASKS, job_id, 0, LARGE)]


async def few_attempts(connection: Connection, job_id: str) -> list[TaskRow]:
    """All attempts at all tasks, of a job that is not large."""
    return [TaskRow._make(row) for row in await connection.fetch(EXECUTION, job_id)]


async def many_tasks(pool: Pool, job_id: str) -> AsyncIterator[list[JsonObject]]:
    """The tasks as submitted, in portions. They never change, so nothing is held meanwhile."""
    position, is_over = 0, False
    while not is_over:
        async with acquired(pool) as connection:
            rows = await connection.fetch(JOB_TASKS, job_id, position, PORTION)
        if rows:
            yield [row["task"] for row in rows]
            position = rows[-1]["position"]
        is_over = len(rows) < PORTION


async def attempts_snapshot(pool: Pool, job_id: str) -> AsyncGenerator[list[TaskRow], None]:
    """As `few_attempts`, in portions, all of one moment. Between two of them it holds a connection,
    and a snapshot against vacuum: not to be left waiting for long."""
    async with acquired(pool) as connection, connection.transaction(readonly=True):
        cursor = await connection.cursor(EXECUTION, job_id)
        while rows := await cursor.fetch(PORTION):
            yield [TaskRow._make(row) for row in rows]


async def attempts_after(pool: Pool, last: TaskRow) -> AsyncIterator[list[TaskRow]]:
    """What follows after `last`, in portions, each of its own moment, with nothing held between.

    No attempt is left out, since none changes its place.
    """
    while True:
        place = (last.position, last.created_at, last.parent_id, last.child_index)
        async with acquired(pool) as connection:
            rows = await connection.fetch(
                EXECUTION_AFTER, last.job_id, *place, last.attempt, last.id, PORTION
            )
        if not rows:
            return
        yield [TaskRow._make(row) for row in rows]
        last = TaskRow(*rows[-1])


async def sealed_of(connection: Connection, ids: Collection[str]) -> list[str]:
    """The secrets of those of the jobs that have some and are still there."""
    return [row["sealed"] for row in await connection.fetch(SEALED, list(ids))]


class Sharing(NamedTuple):
    """Whose a job is: its `readers`, the permissions as they were submitted, and by whom."""

    readers: Sequence[str]
    permissions: Sequence[JsonObject]
    created_by: str | None


async def sharing(connection: Connection, job_id: str) -> Sharing | None:
    row = await connection.fetchrow(SHARING, job_id)
    return None if row is None else Sharing(*row)


async def is_shared_with(connection: Connection, job_id: str, readers: Readers) -> bool:
    """Whether the job exists, and one of `readers` may see it; or, with the principal's operators,
    act on it."""
    shared: bool = await connection.fetchval(IS_SHARED_WITH, job_id, readers)
    return shared


async def one_task(connection: Connection, task_id: str, readers: Readers) -> TaskOfJob | None:
    row = await connection.fetchrow(TASK, task_id, readers)
    if row is None:
        return None
    *columns, sealed = row
    return TaskOfJob(TaskRow(*columns), sealed)


async def final_jobs(connection: Connection, ids: Collection[str]) -> set[str]:
    return {row["id"] for row in await connection.fetch(FINAL_JOBS, list(ids))}
