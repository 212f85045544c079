"""What `apply` changes, loaded under lock; and the time by which it decides."""

from collections.abc import Collection
from datetime import datetime

from shared.lifecycle import Job, Task
from shared.postgres.pool import Connection
from shared.store.rows import job_of, task_of

NOW = "SELECT clock_timestamp()"

# Taken before anything is written, and so before this transaction has its number: whoever comes to
# a job later has the higher number, and the feed (which is read in the order of these numbers) has
# the changes of a job in the order of their versions. Two batches that share some jobs would else
# get their numbers at one job and their turns at another.
QUEUE_UP = """
SELECT pg_advisory_xact_lock(key)
FROM (SELECT DISTINCT hashtextextended(id, 0) AS key FROM unnest($1::text[]) AS j(id) ORDER BY 1) k
"""

# Jobs are always locked before tasks and in the order of their ids, so two batches that share
# jobs can't lock each other out.
# NO KEY: a log part that is being stored holds its task's key, in the order in which parts come.
LOCK_JOBS = """
SELECT id, state, task_count, created_at, position, progress, version, restarts,
       output IS NOT NULL AS has_output, webhooks <> '[]' AS has_webhooks, is_graph,
       parent_job_id, parent_task_id, parent_dispatch, timeout, deadline_at, auto_delete_after,
       started_at, completed_at, failed_at, delete_at, result, error
FROM jobs WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""

# Locked although the job is: lease renewals don't take the job's lock. The time comes along: the
# jobs are locked by now, and asking for it alone would be a round trip more.
LOCK_TASKS = """
SELECT *, clock_timestamp() AS now
FROM tasks WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""


async def queue_up(connection: Connection, ids: Collection[str]) -> None:
    """Wait for all who are at these jobs; the first thing a transaction that changes them does."""
    if ids:
        await connection.execute(QUEUE_UP, list(ids))


async def lock_jobs(connection: Connection, ids: Collection[str]) -> dict[str, Job]:
    rows = await connection.fetch(LOCK_JOBS, list(ids)) if ids else []
    return {row["id"]: job_of(row) for row in rows}


async def lock_tasks(
    connection: Connection, ids: Collection[str]
) -> tuple[dict[str, Task], datetime]:
    """The tasks, and the time (see `now`); call it when their jobs are locked."""
    rows = await connection.fetch(LOCK_TASKS, list(ids)) if ids else []
    at = rows[0]["now"] if rows else await now(connection)
    return {row["id"]: task_of(row) for row in rows}, at


async def now(connection: Connection) -> datetime:
    """The database's clock: one clock for all services, whatever their hosts' clocks do."""
    value: datetime = await connection.fetchval(NOW)
    return value
