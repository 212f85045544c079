"""The schedules that are due: taken under lock, moved on in the transaction that makes the jobs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from shared.postgres.pool import Connection

# One at a time, so that one that can't fire doesn't hold up others; another scheduler passes over
# what this one holds.
TAKE_DUE = """
SELECT id, cron, timezone, overlap, catch_up, spec, sealed, created_by, readers, created_at,
       next_at, now() AS now
FROM schedules WHERE look_at <= now()
ORDER BY look_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
"""

NEXT_LOOK = """
SELECT extract(epoch FROM min(look_at) - now())::float8
FROM schedules WHERE look_at IS NOT NULL
"""

HAS_ACTIVE_JOB = """
SELECT EXISTS (SELECT FROM jobs WHERE schedule_id = $1
               AND state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
"""

EXISTING_JOBS = "SELECT id FROM jobs WHERE id = ANY($1::text[])"

MOVE_ON = """
UPDATE schedules SET next_at = $2, look_at = $2, last_at = coalesce($3, last_at),
    last_job_id = coalesce($4, last_job_id), error = NULL
WHERE id = $1
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
    spec: dict[str, JsonValue]
    sealed: str | None
    created_by: str | None
    readers: list[str]
    created_at: datetime
    next_at: datetime
    now: datetime


async def take_due(connection: Connection) -> DueSchedule | None:
    """A schedule that is due and that nobody else has; locked until the transaction ends."""
    row = await connection.fetchrow(TAKE_DUE)
    return None if row is None else DueSchedule(**row)


async def seconds_to_next(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_LOOK)
    return seconds


async def has_active_job(connection: Connection, schedule_id: str) -> bool:
    """Whether a job that it made is not final."""
    found: bool = await connection.fetchval(HAS_ACTIVE_JOB, schedule_id)
    return found


async def existing_jobs(connection: Connection, ids: Collection[str]) -> set[str]:
    return {row["id"] for row in await connection.fetch(EXISTING_JOBS, list(ids))}


async def move_on(
    connection: Connection,
    schedule_id: str,
    next_at: datetime,
    made: tuple[datetime, str] | None,
) -> None:
    """To its next firing; `made` is the last that made a job, with the job's id."""
    at, job_id = made or (None, None)
    await connection.execute(MOVE_ON, schedule_id, next_at, at, job_id)


async def hold_back(
    connection: Connection, schedule_id: str, length: timedelta, error: str
) -> None:
    """Leave what is due for later."""
    await connection.execute(HOLD_BACK, schedule_id, length, error)
