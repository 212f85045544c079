"""Jobs that clients of ByteNite's API call by an id of theirs, with the rows of their stages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from services.coordinator.store.rows import Readers
from shared.jobspec.bytenite.phases import APP, JobRows, Phase, StageRow, phase_of
from shared.postgres.pool import Connection

NAMESPACE = "bytenite"
LANGUAGE: Literal["bytenite"] = "bytenite"
RUN = "run"
"""Why there is the version of a job that was released."""

# The newest attempt at each stage that has begun, and the chunks of the second one.
_STAGES = """ -- of one job
(SELECT jsonb_agg(to_jsonb(s)) FROM (
    SELECT DISTINCT ON (t.position) t.position, t.id, t.state, t.attempt, t.scheduled_at,
           t.started_at, coalesce(t.completed_at, t.failed_at) AS ended_at, t.children, t.error
    FROM tasks t
    WHERE t.job_id = j.id AND t.parent_id IS NULL AND t.position <= greatest(j.position, 1)
    ORDER BY t.position, t.created_at DESC, t.attempt DESC) AS s)
"""
# A job that an older version cancelled has no time of its own.
_ENDED = """
coalesce(j.completed_at, j.failed_at, CASE WHEN j.state = 'CANCELLED' THEN
    coalesce(j.cancelled_at, (SELECT max(e.at) FROM job_events e WHERE e.job_id = j.id)) END)
"""
_COLUMNS = f"""
j.id, i.name, v.version, v.document, j.state, j.is_held, j.position, j.error, j.created_at,
j.created_by,
(SELECT r.created_at FROM job_versions r
 WHERE r.job_id = j.id AND r.reason = '{RUN}' ORDER BY r.version DESC LIMIT 1) AS released_at,
{_ENDED} AS ended_at, i.deleted_at, j.sealed, {_STAGES} AS stages, j.usage,
j.rates, j.budget
"""  # noqa: S608 - texts of our own
_FROM = f"""
FROM jobs j JOIN job_identities i ON i.job_id = j.id AND i.language = '{LANGUAGE}'
JOIN job_versions v ON v.job_id = j.id AND v.version = j.spec_version
"""
_READABLE = "($1::text[] IS NULL OR j.readers = '{}' OR j.readers && $1)"

ONE = f"""
SELECT {_COLUMNS} {_FROM}
WHERE (i.name = $2 AND i.namespace = '{NAMESPACE}' OR i.job_id = $2) AND {_READABLE}
ORDER BY i.name = $2 DESC LIMIT 1
"""

# Of any language: first the one that a client calls so.
SOURCE = f"""
SELECT id, created_by FROM (
    SELECT 0 AS rank, j.id, j.created_by FROM job_identities i JOIN jobs j ON j.id = i.job_id
    WHERE i.namespace = '{NAMESPACE}' AND i.language = '{LANGUAGE}' AND i.name = $2 AND {_READABLE}
    UNION ALL SELECT 1, j.id, j.created_by FROM jobs j WHERE j.id = $2 AND {_READABLE}
) AS found ORDER BY rank LIMIT 1
"""  # noqa: S608 - texts of our own

# $2: a part of the name, $3: a template; "" for any.
_LISTED = f"""
{_FROM} WHERE {_READABLE} AND i.deleted_at IS NULL
  AND ($2 = '' OR strpos(lower(j.name), lower($2)) > 0)
  AND ($3 = '' OR v.document->>'templateId' = $3)
"""


def _listing(direction: str) -> str:
    """$4: by what; times are ordered as texts."""
    return f"""
SELECT {_COLUMNS} {_LISTED}
ORDER BY CASE $4 WHEN 'name' THEN j.name ELSE to_char(
    CASE $4 WHEN 'startedAt' THEN j.started_at WHEN 'endedAt' THEN {_ENDED} ELSE j.created_at END,
    'YYYYMMDDHH24MISSUS') END {direction} NULLS LAST, j.id {direction} LIMIT $5 OFFSET $6
"""


LIST = _listing("ASC")
LIST_REVERSED = _listing("DESC")

COUNT = f"SELECT count(*) {_LISTED}"

# Whether a job `j` is that of a task with a `partition`.
HAS_STAGES = """
EXISTS (SELECT FROM tasks p WHERE p.id = j.parent_task_id AND p.definition ? 'partition')
"""

# Of those of the jobs that have phases: those of ByteNite, and those of tasks with a `partition`.
PHASES = f"""
SELECT j.id, {_STAGES} AS stages, j.state, j.created_at, j.is_held, {_ENDED} AS ended_at
FROM jobs j
WHERE j.id = ANY ($1::text[])
  AND (EXISTS (SELECT FROM job_identities i WHERE i.job_id = j.id AND i.language = '{LANGUAGE}')
       OR {HAS_STAGES})
"""  # noqa: S608 - texts of our own

# The keys of its data sources go at once: it never runs again.
DELETE = """
WITH keys AS (DELETE FROM stored_secrets WHERE owner_id = $1)
UPDATE job_identities SET deleted_at = coalesce(deleted_at, now()) WHERE job_id = $1
"""


class ByteniteJob(NamedTuple):
    """A job with the document of its latest version. `name` is its id as its client calls it."""

    id: str
    name: str
    version: int
    document: dict[str, Any]
    state: str
    is_held: bool
    position: int
    error: str | None
    created_at: datetime
    created_by: str | None
    released_at: datetime | None
    ended_at: datetime | None
    deleted_at: datetime | None
    sealed: str | None
    stages: list[dict[str, Any]] | None
    usage: Mapping[str, int] | None = None
    rates: Mapping[str, str] | None = None
    budget: Decimal | None = None

    @property
    def rows(self) -> JobRows:
        return JobRows(
            state=self.state,
            created_at=self.created_at,
            is_held=self.is_held,
            released_at=self.released_at,
            ended_at=self.ended_at,
            stages=_stages(self.stages),
        )

    def stage(self, position: int) -> Mapping[str, Any] | None:
        return next((s for s in self.stages or () if s["position"] == position), None)

    @property
    def chunks(self) -> Mapping[str, int] | None:
        """Counts, as `Children` of the core; None before they are made."""
        stage = self.stage(APP)
        return stage["children"] if stage else None


def _stages(rows: Sequence[Mapping[str, Any]] | None) -> dict[int, StageRow]:
    return {row["position"]: _stage(row) for row in rows or ()}


def _stage(row: Mapping[str, Any]) -> StageRow:
    times = {name: _time(row[name]) for name in ("scheduled_at", "started_at", "ended_at")}
    return StageRow(state=row["state"], attempt=row["attempt"], **times)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class SourceJob(NamedTuple):
    """A job whose results another one reads."""

    id: str
    created_by: str | None


class Listing(NamedTuple):
    """What is asked of the list; what is empty asks for nothing."""

    name: str = ""
    template_id: str = ""
    order_by: str = "createdAt"
    is_reversed: bool = True
    limit: int = 20
    offset: int = 0


async def one(connection: Connection, name: str, readers: Readers) -> ByteniteJob | None:
    row = await connection.fetchrow(ONE, readers, name)
    return ByteniteJob(*row) if row else None


async def source(connection: Connection, name: str, readers: Readers) -> SourceJob | None:
    """By its id, or as a client calls it."""
    row = await connection.fetchrow(SOURCE, readers, name)
    return SourceJob(*row) if row else None


async def page(
    connection: Connection, asked: Listing, readers: Readers
) -> tuple[list[ByteniteJob], int]:
    """Without those that are deleted; and how many there are on all pages."""
    found = (readers, asked.name, asked.template_id)
    statement = LIST_REVERSED if asked.is_reversed else LIST
    rows = await connection.fetch(statement, *found, asked.order_by, asked.limit, asked.offset)
    total: int = await connection.fetchval(COUNT, *found)
    return [ByteniteJob(*row) for row in rows], total


async def phases(connection: Connection, job_ids: Sequence[str]) -> dict[str, Phase]:
    """By id, of those of the jobs that have phases."""
    rows = await connection.fetch(PHASES, list(job_ids)) if job_ids else []
    found: dict[str, Phase] = {}
    for row in rows:
        id_, stages, *own = row
        named = dict(zip(("state", "created_at", "is_held", "ended_at"), own, strict=True))
        found[id_] = phase_of(JobRows(**named, stages=_stages(stages)))
    return found


async def mark_deleted(connection: Connection, job_id: str) -> None:
    await connection.execute(DELETE, job_id)
