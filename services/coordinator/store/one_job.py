"""One job or one task, with all that is shown of it."""

from collections.abc import Collection

from services.coordinator.store.readers import Readers
from services.coordinator.store.rows import JobRow, SummaryRow, TaskOfJob, TaskRow, WholeJob
from shared.postgres.pool import Connection

JOB = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error,
       secret_names, output, defaults, webhooks, auto_delete_after, delete_at, created_by,
       permissions, parent_task_id AS parent_id, timeout,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

SUMMARY = """
SELECT id, state, name, description, tags, inputs, sealed, task_count, position, progress,
       created_at, started_at, completed_at, failed_at, result, error, created_by,
       parent_task_id AS parent_id, schedule_id, schedule_cron(schedule_id) AS schedule_cron
FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

SEALED = "SELECT sealed FROM jobs WHERE id = ANY($1::text[]) AND sealed IS NOT NULL"

IS_VISIBLE = """
SELECT EXISTS (SELECT FROM jobs
               WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2))
"""

JOB_TASKS = "SELECT task FROM job_tasks WHERE job_id = $1 ORDER BY position"

EXECUTION = """
SELECT id, job_id, position, state, name, queue, priority, var, definition, attempt, progress,
       node_id, created_at, scheduled_at, started_at, completed_at, failed_at, result, error,
       parent_id, child_index, subjob_id, exit_code, last_return_reason, engine_rejections, children
FROM tasks WHERE job_id = $1
ORDER BY position, created_at, parent_id NULLS FIRST, child_index, attempt
"""

JOB_VARIABLES = "SELECT name, value FROM job_variables WHERE job_id = $1 ORDER BY name"

TASK = """
SELECT t.id, t.job_id, t.position, t.state, t.name, t.queue, t.priority, t.var, t.definition,
       t.attempt, t.progress, t.node_id, t.created_at, t.scheduled_at, t.started_at,
       t.completed_at, t.failed_at, t.result, t.error, t.parent_id, t.child_index, t.subjob_id,
       t.exit_code, t.last_return_reason, t.engine_rejections, t.children, j.sealed
FROM tasks t JOIN jobs j ON j.id = t.job_id
WHERE t.id = $1 AND ($2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2)
"""

# A job that was deleted meanwhile is over too.
FINAL_JOBS = """
SELECT asked.id FROM unnest($1::text[]) AS asked(id)
LEFT JOIN jobs j ON j.id = asked.id
WHERE j.id IS NULL OR j.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
"""


async def whole_job(connection: Connection, job_id: str, readers: Readers) -> WholeJob | None:
    row = await connection.fetchrow(JOB, job_id, readers)
    if row is None:
        return None
    tasks = await connection.fetch(JOB_TASKS, job_id)
    execution = await connection.fetch(EXECUTION, job_id)
    variables = await connection.fetch(JOB_VARIABLES, job_id)
    return WholeJob(
        JobRow(**row),
        [task["task"] for task in tasks],
        [TaskRow(**task) for task in execution],
        {variable["name"]: variable["value"] for variable in variables},
    )


async def summary(connection: Connection, job_id: str, readers: Readers) -> SummaryRow | None:
    row = await connection.fetchrow(SUMMARY, job_id, readers)
    return None if row is None else SummaryRow(**row)


async def sealed_of(connection: Connection, ids: Collection[str]) -> list[str]:
    """The secrets of those of the jobs that have some and are still there."""
    return [row["sealed"] for row in await connection.fetch(SEALED, list(ids))]


async def is_visible(connection: Connection, job_id: str, readers: Readers) -> bool:
    visible: bool = await connection.fetchval(IS_VISIBLE, job_id, readers)
    return visible


async def one_task(connection: Connection, task_id: str, readers: Readers) -> TaskOfJob | None:
    row = await connection.fetchrow(TASK, task_id, readers)
    if row is None:
        return None
    columns = dict(row)
    sealed = columns.pop("sealed")
    return TaskOfJob(TaskRow(**columns), sealed)


async def final_jobs(connection: Connection, ids: Collection[str]) -> set[str]:
    return {row["id"] for row in await connection.fetch(FINAL_JOBS, list(ids))}
