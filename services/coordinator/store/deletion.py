"""Jobs that clients delete: with their sub-jobs, and all that belongs to them.

Only final and held jobs go, and none whose end a running task still waits for. Rows are deleted in
portions, each a transaction of its own, so that a job of any size goes within a statement's time;
the job itself goes last. Its `delete_at` comes first: nobody restarts it from then on, and
retention deletes what a crash leaves. Idempotency keys stay until they expire: what was submitted
is not made again.
"""

from collections.abc import Sequence

from services.coordinator.store.job_list import CAP, FOUND, PLAN_EACH, parameters_of
from services.coordinator.store.rows import IS_LOCKED, Readers
from services.coordinator.store.search_text import JobSearch
from shared.postgres.pool import Connection, rows_touched
from shared.store.object_removals import OF_DELETED_JOBS

MOST_JOBS = 1000
"""Deleted by one request."""
_JOBS = 50
_ROWS = 2000

_IS_OVER = """
(j.is_held OR j.state IN ('COMPLETED', 'FAILED', 'CANCELLED'))
AND NOT EXISTS (SELECT FROM tasks t WHERE t.id = j.parent_task_id AND t.state = 'RUNNING'
                AND t.dispatch = j.parent_dispatch)
"""

_IS_LOCKED_OUT = f"{IS_LOCKED} AND lock->>'key' IS DISTINCT FROM $2"

# Committed first: without it, a job that is restarted or released at this moment would run without
# its tasks.
MARK = f"""
UPDATE jobs j SET delete_at = now() WHERE j.id = ANY($1::text[]) AND {_IS_OVER} RETURNING j.id
"""  # noqa: S608 - a condition of our own

# In one statement: a lock that is taken in between would be passed over.
MARK_UNLESS_LOCKED = f"""
UPDATE jobs j SET delete_at = now()
WHERE j.id = $1 AND {_IS_OVER} AND NOT ({_IS_LOCKED_OUT}) RETURNING j.id
"""  # noqa: S608 - conditions of our own

SUBJOBS = f"""
SELECT j.id FROM tasks p JOIN jobs j ON j.parent_task_id = p.id
WHERE p.job_id = ANY($1::text[]) AND p.kind = 'subjob' AND {_IS_OVER} LIMIT {_JOBS}
"""  # noqa: S608 - a condition of our own

SOME_LOG_PARTS = f"""
DELETE FROM task_log_parts WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM task_log_parts WHERE job_id = ANY($1::text[]) LIMIT {_ROWS}))
"""  # noqa: S608 - a number of our own

SOME_TASKS = f"""
DELETE FROM tasks WHERE id = ANY(ARRAY(
    SELECT id FROM tasks WHERE job_id = ANY($1::text[]) LIMIT {_ROWS}))
"""  # noqa: S608 - a number of our own

# Their attempts go along.
SOME_DELIVERIES = f"""
DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_deliveries WHERE job_id = ANY($1::text[]) LIMIT {_ROWS}))
"""  # noqa: S608 - a number of our own

JOBS = f"""
WITH deleted AS (
    DELETE FROM jobs j WHERE j.id = ANY($1::text[]) AND {_IS_OVER} RETURNING j.id, j.keeps_files
), events AS (
    DELETE FROM job_events WHERE job_id IN (SELECT id FROM deleted)
), owed AS (
    DELETE FROM webhook_events WHERE job_id IN (SELECT id FROM deleted)
), deliveries AS (
    DELETE FROM webhook_deliveries WHERE job_id IN (SELECT id FROM deleted)
), {OF_DELETED_JOBS}
SELECT
"""  # noqa: S608 - a condition of our own

CHOSEN = f"""
SELECT j.id FROM jobs j {FOUND} AND {_IS_OVER} AND NOT j.is_held ORDER BY j.created_at LIMIT $12
"""  # noqa: S608 - conditions of our own

COUNT_CHOSEN = f"""
SELECT count(*)
FROM (SELECT FROM jobs j {FOUND} AND {_IS_OVER} AND NOT j.is_held LIMIT $12) AS chosen
"""  # noqa: S608 - conditions of our own


IS_LOCKED_OUT = f"SELECT {_IS_LOCKED_OUT} FROM jobs WHERE id = $1"  # noqa: S608 - of our own


async def is_locked(connection: Connection, job_id: str, key: str | None) -> bool:
    """Whether somebody has locked the job, with a token of another digest."""
    return bool(await connection.fetchval(IS_LOCKED_OUT, job_id, key))


async def delete_job(
    connection: Connection, job_id: str, key: str | None = None, *, is_forced: bool = False
) -> bool:
    """False when it is not over, when somebody has locked it with a token of another digest, unless
    this `is_forced`, or when there is none."""
    if not is_forced and not await connection.fetch(MARK_UNLESS_LOCKED, job_id, key):
        return False
    return await _delete(connection, [job_id]) == 1


async def delete_chosen(connection: Connection, search: JobSearch, readers: Readers) -> int:
    """Those of the jobs found that are over, at most `MOST_JOBS`; how many."""
    deleted = 0
    while deleted < MOST_JOBS:
        async with connection.transaction():
            await connection.execute(PLAN_EACH)
            rows = await connection.fetch(CHOSEN, *parameters_of(search, readers), _JOBS)
        gone = await _delete(connection, [row["id"] for row in rows])
        if not gone:
            break
        deleted += gone
    return deleted


async def count_chosen(connection: Connection, search: JobSearch, readers: Readers) -> int:
    """How many `delete_chosen` would delete, asked again and again; up to a cap."""
    async with connection.transaction():
        await connection.execute(PLAN_EACH)
        found: int = await connection.fetchval(
            COUNT_CHOSEN, *parameters_of(search, readers), CAP + 1
        )
    return found


async def _delete(connection: Connection, job_ids: Sequence[str]) -> int:
    """How many of the jobs themselves, those included that retention takes in between: what is
    marked goes."""
    job_ids = [row["id"] for row in await connection.fetch(MARK, job_ids)]
    if not job_ids:
        return 0
    while subjobs := await connection.fetch(SUBJOBS, job_ids):
        if not await _delete(connection, [row["id"] for row in subjobs]):
            break  # they were restarted at this moment
    for portion in (SOME_LOG_PARTS, SOME_TASKS, SOME_DELIVERIES):
        while rows_touched(await connection.execute(portion, job_ids)) == _ROWS:
            pass
    await connection.execute(JOBS, job_ids)
    return len(job_ids)
