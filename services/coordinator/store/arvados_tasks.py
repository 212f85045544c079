"""Tasks of the jobs that clients of Arvados' API see: each by its newest attempt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.coordinator.store.arvados_jobs import LANGUAGE, MOST, NAMESPACE
from services.coordinator.store.rows import Readers
from shared.postgres.pool import Connection

_JOBS = f"""
j.id, i.name, j.created_by, j.sealed, j.created_at
FROM jobs j JOIN job_identities i ON i.job_id = j.id AND i.language = '{LANGUAGE}'
WHERE ($1::text[] IS NULL OR j.readers = '{{}}' OR j.readers && $1)
"""

_ATTEMPT = """
a.id AS job_id, a.name, a.created_by, a.sealed, t.state, coalesce(t.sequence, 0) AS sequence,
coalesce(t.child_index, 0) AS qsequence, (t.scope->'item'->'value')::text AS parameters, t.result,
t.progress, t.created_at, t.started_at, coalesce(t.completed_at, t.failed_at) AS ended_at,
t.node_id, t.parent_id, t.scope->'item'->>'creator' AS creator, t.id, t.dispatch, t.attempt
"""

_SHOWN = """
t.first_id, t.job_id, t.name, t.created_by, t.sealed, t.state, t.sequence, t.qsequence,
t.parameters, coalesce(t.result, e.result), t.progress, t.created_at, t.started_at, t.ended_at,
t.node_id, t.parent_id, t.creator
"""

_WITH_REPORT = """
LEFT JOIN reported_ends e
    ON e.task_id = t.id AND e.dispatch = t.dispatch AND t.state = 'RUNNING'
"""

# $2: jobs by their uuids or our ids, NULL for all. The first attempt at a task names it.
TASKS = f"""
SELECT {_SHOWN}
FROM (
    SELECT {_JOBS}
      AND ($2::text[] IS NULL OR i.name = ANY ($2) AND i.namespace = '{NAMESPACE}'
           OR j.id = ANY ($2))
    ORDER BY j.created_at DESC, j.id DESC LIMIT {MOST}) AS a, LATERAL (
    SELECT DISTINCT ON (t.position, coalesce(t.child_index, -1))
           first_value(t.id) OVER (PARTITION BY t.position, coalesce(t.child_index, -1)
                                   ORDER BY t.created_at, t.attempt) AS first_id, {_ATTEMPT}
    FROM tasks t WHERE t.job_id = a.id AND t.kind = 'task'
    ORDER BY t.position, coalesce(t.child_index, -1), t.created_at DESC, t.attempt DESC) AS t
{_WITH_REPORT}
ORDER BY t.created_at DESC, t.first_id LIMIT {MOST}
"""  # noqa: S608 - texts of our own

# $2, $3: the task that stands for all of a job's, and the number among them. A script asks for its
# own task: what that takes must not grow with how many others there are.
ONE = f"""
SELECT {_SHOWN}
FROM (
    SELECT first_value(t.id) OVER (ORDER BY t.created_at, t.attempt) AS first_id, {_ATTEMPT}
    FROM tasks t JOIN (SELECT {_JOBS}) AS a ON a.id = t.job_id
    WHERE t.parent_id = $2 AND t.child_index = $3 AND t.kind = 'task') AS t
{_WITH_REPORT}
ORDER BY t.created_at DESC, t.attempt DESC LIMIT 1
"""  # noqa: S608 - texts of our own

# $2: a job from the time when a job of Arvados was one task, and none stood for all of them.
ALONE = f"""
SELECT {_SHOWN}
FROM (
    SELECT first_value(t.id) OVER (ORDER BY t.created_at, t.attempt) AS first_id, {_ATTEMPT}
    FROM tasks t JOIN (SELECT {_JOBS}) AS a ON a.id = t.job_id
    WHERE t.job_id = $2 AND t.position = 1 AND t.parent_id IS NULL AND t.kind = 'task') AS t
{_WITH_REPORT}
ORDER BY t.created_at DESC, t.attempt DESC LIMIT 1
"""  # noqa: S608 - texts of our own

# $1: how its id begins, in hexadecimal digits.
PLACE_BY_ID = """
SELECT job_id, parent_id, child_index FROM tasks
WHERE id >= $1 AND id < $1 || 'g' ORDER BY id LIMIT 1
"""

PLACE_BY_NUMBER = """
SELECT id, $2::int FROM tasks
WHERE job_id = $1 AND parent_id IS NULL AND kind <> 'task'
ORDER BY position, created_at DESC LIMIT 1
"""


class ArvadosTask(NamedTuple):
    """`parameters` are JSON, None for none; `progress` is a share of 100. `creator` is the number
    of the task that has made it, among those of its parent; "" and None: none has."""

    first_id: str
    job_id: str
    job_uuid: str
    created_by: str | None
    sealed: str | None
    state: str
    sequence: int
    qsequence: int
    parameters: str | None
    result: str | None
    progress: float
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    node_id: str | None
    parent_id: str | None
    creator: str | None


async def tasks(
    connection: Connection, jobs: Sequence[str] | None, readers: Readers
) -> list[ArvadosTask]:
    """Of `jobs`, None for all."""
    rows: Sequence[Any] = await connection.fetch(TASKS, readers, jobs)
    return [ArvadosTask(*row) for row in rows]


async def task_by_id(
    connection: Connection, beginning: str, readers: Readers
) -> ArvadosTask | None:
    """The one whose id begins so."""
    found = await connection.fetchrow(PLACE_BY_ID, beginning)
    if found is None:
        return None
    job_id, *place = found
    if place[0] is None:
        return await _alone(connection, job_id, readers)
    return await _task_at(connection, place, readers)


async def task_by_number(
    connection: Connection, job_id: str, number: int, readers: Readers
) -> ArvadosTask | None:
    place = await connection.fetchrow(PLACE_BY_NUMBER, job_id, number)
    if place is None:
        return None if number else await _alone(connection, job_id, readers)
    return await _task_at(connection, place, readers)


async def _task_at(
    connection: Connection, place: Sequence[Any], readers: Readers
) -> ArvadosTask | None:
    row = await connection.fetchrow(ONE, readers, *place)
    return ArvadosTask(*row) if row else None


async def _alone(connection: Connection, job_id: str, readers: Readers) -> ArvadosTask | None:
    row = await connection.fetchrow(ALONE, readers, job_id)
    return ArvadosTask(*row) if row else None
