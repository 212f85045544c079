"""How far a job is: its tasks that run on workers, by what has become of them.

Of more than `MOST` the first are counted: that takes some ten milliseconds.
"""

from typing import NamedTuple

from shared.postgres.pool import Connection

MOST = 10_000
"""Attempts, and tasks that have not begun."""

TASKS_SUMMARY = f"""
WITH attempts AS (
    SELECT state FROM tasks WHERE job_id = $1 AND kind = 'task' LIMIT {MOST}
), not_begun AS (
    SELECT FROM job_tasks j WHERE j.job_id = $1 AND NOT EXISTS (
        SELECT FROM tasks t WHERE t.job_id = $1 AND t.position = j.position) LIMIT {MOST}
)
SELECT (count(*) FILTER (WHERE state IN ('CREATED', 'PENDING', 'SCHEDULED'))
        + (SELECT count(*) FROM not_begun))::int AS todo,
       (count(*) FILTER (WHERE state = 'RUNNING'))::int AS running,
       (count(*) FILTER (WHERE state IN ('COMPLETED', 'SKIPPED')))::int AS done,
       (count(*) FILTER (WHERE state = 'FAILED'))::int AS failed
FROM attempts
"""  # noqa: S608 - numbers of our own


class TasksSummaryRow(NamedTuple):
    """`failed` are attempts: a task that is tried again counts each time."""

    todo: int
    running: int
    done: int
    failed: int


async def tasks_summary(connection: Connection, job_id: str) -> TasksSummaryRow:
    return TasksSummaryRow(*await connection.fetchrow(TASKS_SUMMARY, job_id))
