"""Requests of Arvados' API for containers, and the containers: jobs that requests share.

A container is seen by who sees both a request for it and the job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.coordinator.store.arvados_jobs import MOST
from services.coordinator.store.rows import JsonObject, Readers
from shared.jobspec.arvados.container_compilation import OUTPUT
from shared.postgres.pool import Connection, rows_touched

# Of the newest attempt at its one task.
_COLUMNS = f"""
r.id, r.job_id, r.document, r.sealed, r.created_by, r.modified_by, r.created_at, r.modified_at,
j.state, j.is_held, j.created_at AS job_created_at, j.started_at,
coalesce(j.completed_at, j.failed_at, j.cancelled_at) AS ended_at, j.error, j.progress,
j.sealed AS sealed_of_job, j.usage, j.rates, t.name AS task_name, t.exit_code, t.failure_cause,
coalesce(t.attempt, -1) + 1 AS attempts,
EXISTS (SELECT FROM artifacts a WHERE a.task_id = t.id AND a.name = '{OUTPUT}') AS has_output,
coalesce((SELECT max((o.document->>'priority')::int) FROM container_requests o
          WHERE o.job_id = r.job_id), 0) AS highest_priority
"""  # noqa: S608 - texts of our own
_JOB = """
LEFT JOIN jobs j ON j.id = r.job_id AND ($1::text[] IS NULL OR j.readers = '{}' OR j.readers && $1)
LEFT JOIN LATERAL (
    SELECT id, name, exit_code, failure_cause, attempt FROM tasks
    WHERE job_id = j.id AND position = 1 AND parent_id IS NULL
    ORDER BY created_at DESC, attempt DESC LIMIT 1) AS t ON true
"""
_VISIBLE = "($1::text[] IS NULL OR r.readers = '{}' OR r.readers && $1)"

# $2: their uuids, NULL for all.
REQUESTS = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM container_requests r WHERE {_VISIBLE} AND ($2::text[] IS NULL OR r.id = ANY ($2))
    ORDER BY r.created_at DESC, r.id LIMIT {MOST}) AS r {_JOB}
ORDER BY r.created_at DESC, r.id
"""  # noqa: S608 - texts of our own

# Each by the oldest request for it. $2: how ids of jobs begin, in hexadecimal digits; NULL for all.
CONTAINERS = f"""
SELECT {_COLUMNS} FROM (
    SELECT DISTINCT ON (r.job_id) r.* FROM container_requests r
    WHERE {_VISIBLE} AND r.job_id IS NOT NULL
      AND ($2::text[] IS NULL OR EXISTS (
          SELECT FROM unnest($2) AS b(beginning)
          WHERE r.job_id >= b.beginning AND r.job_id < b.beginning || 'g'))
    ORDER BY r.job_id, r.created_at, r.id) AS r {_JOB}
WHERE j.id IS NOT NULL
ORDER BY r.created_at DESC, r.id LIMIT {MOST}
"""  # noqa: S608 - texts of our own

ADD = """
INSERT INTO container_requests (id, document, sealed, created_by, modified_by, readers)
VALUES ($1, $2, $3, $4, $4, $5)
"""

CHANGE_DRAFT = """
UPDATE container_requests
SET document = $2, sealed = $3, modified_by = $4, modified_at = now()
WHERE id = $1 AND job_id IS NULL
"""

# Its secrets are the job's from now on.
COMMIT = """
UPDATE container_requests
SET document = $2, sealed = NULL, modified_by = $3, modified_at = now(), job_id = $4
WHERE id = $1 AND job_id IS NULL
"""

CHANGE = """
UPDATE container_requests SET document = document || $2, modified_by = $3, modified_at = now()
WHERE id = $1 AND job_id IS NOT NULL
"""

# Not if it was committed meanwhile, else its job would go on for nobody.
DELETE = "DELETE FROM container_requests WHERE id = $1 AND job_id IS NOT DISTINCT FROM $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """From `state` on it is of the container: None of a draft, and where the job is not seen.
    `highest_priority` is that of all requests for it."""

    id: str
    job_id: str | None
    document: JsonObject
    sealed: str | None
    created_by: str | None
    modified_by: str | None
    created_at: datetime
    modified_at: datetime
    state: str | None
    is_held: bool | None
    job_created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    progress: float | None
    sealed_of_job: str | None
    usage: Mapping[str, int] | None
    rates: Mapping[str, str] | None
    task_name: str | None
    exit_code: int | None
    failure_cause: str | None
    attempts: int
    has_output: bool
    highest_priority: int


async def requests(
    connection: Connection, uuids: Sequence[str] | None, readers: Readers
) -> list[RequestRow]:
    """Those of `uuids`, None for all."""
    return [RequestRow(**row) for row in await connection.fetch(REQUESTS, readers, uuids)]


async def containers(
    connection: Connection, beginnings: Sequence[str] | None, readers: Readers
) -> list[RequestRow]:
    """Those whose jobs have ids that begin so, None for all."""
    return [RequestRow(**row) for row in await connection.fetch(CONTAINERS, readers, beginnings)]


async def add(
    connection: Connection,
    uuid: str,
    document: Mapping[str, Any],
    sealed: str | None,
    created_by: str | None,
    readers: Sequence[str],
) -> None:
    """A draft."""
    await connection.execute(ADD, uuid, document, sealed, created_by, readers)


async def change_draft(
    connection: Connection,
    uuid: str,
    document: Mapping[str, Any],
    sealed: str | None,
    by: str | None,
) -> bool:
    """False: it is none any more."""
    return rows_touched(await connection.execute(CHANGE_DRAFT, uuid, document, sealed, by)) == 1


async def commit(
    connection: Connection, uuid: str, document: Mapping[str, Any], by: str | None, job_id: str
) -> bool:
    """False: it is no draft any more."""
    return rows_touched(await connection.execute(COMMIT, uuid, document, by, job_id)) == 1


async def change(
    connection: Connection, uuid: str, changes: Mapping[str, Any], by: str | None
) -> None:
    """Of one that is committed."""
    await connection.execute(CHANGE, uuid, changes, by)


async def delete(connection: Connection, uuid: str, job_id: str | None) -> bool:
    """False: it does not have that job, or is not there."""
    return rows_touched(await connection.execute(DELETE, uuid, job_id)) == 1
