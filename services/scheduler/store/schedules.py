"""The schedules that are due: taken under lock, moved on in the transaction that makes the jobs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from shared.postgres.pool import Connection

# Another scheduler passes over what this one holds.
TAKE_DUE = """
SELECT id, cron, timezone, overlap, catch_up, rules, spec, sealed, created_by, readers, created_at,
       next_at, now() AS now
FROM schedules WHERE look_at <= now()
ORDER BY look_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""

NEXT_LOOK = """
SELECT extract(epoch FROM min(look_at) - now())::float8
FROM schedules WHERE look_at IS NOT NULL
"""

WITH_ACTIVE_JOB = """
SELECT id FROM unnest($1::text[]) AS asked (id)
WHERE EXISTS (SELECT FROM jobs WHERE schedule_id = asked.id
              AND state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
"""

EXISTING_JOBS = "SELECT id FROM jobs WHERE id = ANY($1::text[])"

MOVE_ON = """
UPDATE schedules AS s SET next_at = m.next_at, look_at = m.next_at,
    last_at = coalesce(m.last_at, s.last_at),
    last_job_id = coalesce(m.last_job_id, s.last_job_id), error = NULL
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[])
    AS m (id, next_at, last_at, last_job_id)
WHERE s.id = m.id
"""

HOLD_BACK = """
UPDATE schedules SET look_at = now() + $2::interval, error = $3 WHERE id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSchedule:
    """`spec` is as submitted, but for what is secret; if anything is, all of it is in `sealed`."""

    id: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    rules: dict[str, JsonValue]
    spec: dict[str, JsonValue]
    sealed: str | None
    created_by: str | None
    readers: list[str]
    created_at: datetime
    next_at: datetime
    now: datetime


class Move(NamedTuple):
    """To the next firing; the last that made a job, with the job's id, if one did now."""

    schedule_id: str
    next_at: datetime
    last_at: datetime | None
    last_job_id: str | None


async def take_due(connection: Connection, limit: int) -> list[DueSchedule]:
    """Schedules that are due and that nobody else has; locked until the transaction ends."""
    return [DueSchedule(**row) for row in await connection.fetch(TAKE_DUE, limit)]


async def seconds_to_next(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_LOOK)
    return seconds


async def with_active_job(connection: Connection, schedule_ids: Collection[str]) -> set[str]:
    """Those of them of which a job is not final."""
    if not schedule_ids:
        return set()
    return {row["id"] for row in await connection.fetch(WITH_ACTIVE_JOB, list(schedule_ids))}


async def existing_jobs(connection: Connection, ids: Collection[str]) -> set[str]:
    return {row["id"] for row in await connection.fetch(EXISTING_JOBS, list(ids))}


async def move_on(connection: Connection, moves: Sequence[Move]) -> None:
    if moves:
        await connection.execute(MOVE_ON, *map(list, zip(*moves, strict=True)))


async def hold_back(
    connection: Connection, schedule_id: str, length: timedelta, error: str
) -> None:
    """Leave what is due for later."""
    await connection.execute(HOLD_BACK, schedule_id, length, error)
