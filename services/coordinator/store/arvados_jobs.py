"""Jobs that clients of Arvados' API call by a uuid of its form."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.coordinator.store.rows import IS_LOCKED, Readers
from shared.jobspec.arvados.compilation import CODE
from shared.postgres.pool import Connection

NAMESPACE = "arvados"
LANGUAGE: Literal["arvados"] = "arvados"
MOST = 10_000
"""Looked at for a list: the newest."""

_SHOWN = f"""
SELECT j.id, i.name, v.version, v.document, j.state, j.created_at, j.created_by, v.created_by,
       greatest(v.created_at, j.started_at, j.completed_at, j.failed_at, j.cancelled_at),
       j.started_at, coalesce(j.completed_at, j.failed_at), j.cancelled_at, j.cancelled_by,
       j.cancelled_by_client, j.result, {IS_LOCKED}, lock->>'by', j.sealed, t.node_ids,
       jsonb_build_object('todo', t.todo, 'running', t.running, 'done', t.done, 'failed', t.failed)
FROM jobs j JOIN job_identities i ON i.job_id = j.id AND i.language = '{LANGUAGE}'
JOIN job_versions v ON v.job_id = j.id AND v.version = j.spec_version
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT node_id) FILTER (WHERE state = 'RUNNING'), '{{}}')
               AS node_ids,
           count(*) FILTER (WHERE state IN ('CREATED', 'PENDING', 'SCHEDULED')) AS todo,
           count(*) FILTER (WHERE state = 'RUNNING') AS running,
           count(*) FILTER (WHERE state IN ('COMPLETED', 'SKIPPED')) AS done,
           count(*) FILTER (WHERE state IN ('FAILED', 'CANCELLED', 'STOPPED')) AS failed
    FROM tasks WHERE job_id = j.id AND kind = 'task') AS t
WHERE ($1::text[] IS NULL OR j.readers = '{{}}' OR j.readers && $1)
"""  # noqa: S608 - texts of our own

ONE = f"{_SHOWN} AND (i.name = $2 AND i.namespace = '{NAMESPACE}' OR j.id = $2)"

# $2: their uuids, NULL for all.
LIST = f"""
{_SHOWN} AND ($2::text[] IS NULL OR i.name = ANY($2) AND i.namespace = '{NAMESPACE}')
ORDER BY j.created_at DESC, j.id DESC LIMIT {MOST}
"""

CHECKSUMS_OF_CODE = f"""
SELECT DISTINCT u.sha256 FROM (
    SELECT j.uploads, v.document FROM jobs j
    JOIN job_identities i ON i.job_id = j.id AND i.language = '{LANGUAGE}'
    JOIN job_versions v ON v.job_id = j.id AND v.version = j.spec_version
    ORDER BY j.created_at DESC LIMIT {MOST}) AS newest
JOIN uploads u ON u.id = newest.uploads ->> '{CODE}'
WHERE newest.document ->> 'repository' = $1
  AND newest.document ->> 'script_version' = ANY($2::text[])
"""  # noqa: S608 - texts of our own


class ArvadosJob(NamedTuple):
    """A job with the document of its latest version. `modified_by` made that. `node_ids` are the
    workers that run it now, `tasks_summary` counts attempts at its tasks."""

    id: str
    uuid: str
    version: int
    document: Mapping[str, Any]
    state: str
    created_at: datetime
    created_by: str | None
    modified_by: str | None
    modified_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancelled_by_client: str | None
    result: str | None
    is_locked: bool
    locked_by: str | None
    sealed: str | None
    node_ids: Sequence[str]
    tasks_summary: Mapping[str, int]


async def one(connection: Connection, name: str, readers: Readers) -> ArvadosJob | None:
    """By its uuid, or by our id."""
    row = await connection.fetchrow(ONE, readers, name)
    return ArvadosJob(*row) if row else None


async def checksums_of_code(
    connection: Connection, repository: str, commits: Collection[str]
) -> list[str]:
    """Of the files of these commits, as far as the newest jobs have run them."""
    rows = await connection.fetch(CHECKSUMS_OF_CODE, repository, list(commits))
    return [row["sha256"] for row in rows]


async def newest(
    connection: Connection, uuids: Sequence[str] | None, readers: Readers
) -> list[ArvadosJob]:
    """Those of `uuids`, None for all."""
    return [ArvadosJob(*row) for row in await connection.fetch(LIST, readers, uuids)]
