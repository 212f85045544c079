"""The schedules that are due, or whose job has ended: taken under lock, and moved on in the
transaction that makes the jobs."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from shared.postgres.pool import Connection

# Before anything is locked: a transaction that changes a job waits for its turn first, see
# `shared.store.locking`. Those that get active afterwards are left for the next round. Not a join:
# planned while no job was active, it would look all of the schedules up again for each of them.
TURNS = """
SELECT j.id, pg_advisory_xact_lock(hashtextextended(j.id, 0))
FROM (SELECT id FROM jobs
      WHERE schedule_id = ANY(ARRAY(
          SELECT id FROM schedules
          WHERE id = ANY(ARRAY(SELECT id FROM schedules WHERE look_at <= now()
                               ORDER BY look_at LIMIT $1)
                         || ARRAY(SELECT schedule_id FROM schedule_ends LIMIT $1))
            AND overlap = 'cancelOther'))
        AND state IN ('PENDING', 'SCHEDULED', 'RUNNING')
      ORDER BY hashtextextended(id, 0)) AS j
"""

_COLUMNS = """
id, state, cron, timezone, overlap, catch_up, rules, spec, sealed, created_by, readers, created_at,
next_at, runs, failures, held, note, now() AS now
"""

# Another scheduler passes over what this one holds.
TAKE_DUE = f"""
SELECT {_COLUMNS} FROM schedules WHERE look_at <= now()
ORDER BY look_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - columns of our own

TAKE_CALLED = f"""
SELECT {_COLUMNS} FROM schedules
WHERE id = ANY(ARRAY(SELECT DISTINCT schedule_id FROM schedule_ends LIMIT $1))
FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - columns of our own

ENDS = """
SELECT id, schedule_id, state FROM schedule_ends WHERE schedule_id = ANY($1::text[]) ORDER BY id
"""

DELETE_ENDS = "DELETE FROM schedule_ends WHERE id = ANY($1::bigint[])"

# Should an end have been missed: its services were of an earlier version, or the policy changed.
CALL_HOLDING = """
INSERT INTO schedule_ends (schedule_id)
SELECT s.id FROM schedules s
WHERE s.held <> '{}' AND s.state <> 'PAUSED'
  AND NOT EXISTS (SELECT FROM schedule_ends e WHERE e.schedule_id = s.id)
  AND NOT EXISTS (SELECT FROM jobs j WHERE j.schedule_id = s.id
                  AND j.state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
LIMIT 1000
"""

FORGET_ENDS = """
DELETE FROM schedule_ends e WHERE NOT EXISTS (SELECT FROM schedules s WHERE s.id = e.schedule_id)
"""

NEXT_LOOK = """
SELECT extract(epoch FROM min(look_at) - now())::float8
FROM schedules WHERE look_at IS NOT NULL
"""

ACTIVE_JOBS = """
SELECT schedule_id, array_agg(id) AS ids FROM jobs
WHERE schedule_id = ANY($1::text[]) AND state IN ('PENDING', 'SCHEDULED', 'RUNNING')
GROUP BY schedule_id
"""

EXISTING_JOBS = "SELECT id FROM jobs WHERE id = ANY($1::text[])"

MOVE_ON = """
UPDATE schedules AS s SET state = m.state, next_at = m.next_at, look_at = m.look_at,
    last_at = coalesce(m.last_at, s.last_at),
    last_job_id = coalesce(m.last_job_id, s.last_job_id),
    runs = m.runs, failures = m.failures, held = m.held, note = m.note, error = NULL,
    ended_at = CASE WHEN m.state = 'ENDED' THEN coalesce(s.ended_at, now()) END
FROM jsonb_to_recordset($1) AS m (
    id text, state text, next_at timestamptz, look_at timestamptz, last_at timestamptz,
    last_job_id text, runs int, failures int, held timestamptz[], note text)
WHERE s.id = m.id
"""

HOLD_BACK = """
UPDATE schedules SET look_at = CASE WHEN state = 'ACTIVE' THEN now() + $2::interval END, error = $3
WHERE id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSchedule:
    """`spec` is as submitted, but for what is secret; if anything is, all of it is in `sealed`."""

    id: str
    state: str
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
    next_at: datetime | None
    runs: int
    failures: int
    held: list[datetime]
    note: str | None
    now: datetime


class End(NamedTuple):
    """A job of the schedule has ended in that state; None: only to look at the schedule."""

    id: int
    schedule_id: str
    state: str | None


class Move(NamedTuple):
    """What the row is to be; `last_at` and `last_job_id` only if a job is made now."""

    id: str
    state: str
    next_at: datetime | None
    look_at: datetime | None
    last_at: datetime | None
    last_job_id: str | None
    runs: int
    failures: int
    held: Sequence[datetime]
    note: str | None


async def take_turns(connection: Connection, limit: int) -> set[str]:
    """At the jobs that may be cancelled, as the first thing of the transaction; their ids."""
    return {row["id"] for row in await connection.fetch(TURNS, limit)}


async def take(connection: Connection, limit: int) -> list[TakenSchedule]:
    """Schedules that are due, or whose jobs have ended, and that nobody else has; locked until the
    transaction ends."""
    rows = await connection.fetch(TAKE_DUE, limit) + await connection.fetch(TAKE_CALLED, limit)
    return list({row["id"]: TakenSchedule(**row) for row in rows}.values())


async def ends(connection: Connection, schedule_ids: Collection[str]) -> list[End]:
    rows = await connection.fetch(ENDS, list(schedule_ids))
    return [End(*row) for row in rows]


async def delete_ends(connection: Connection, ends: Collection[End]) -> None:
    if ends:
        await connection.execute(DELETE_ENDS, [end.id for end in ends])


async def call_holding(connection: Connection) -> None:
    """Have those looked at whose firings wait for nothing, and forget what is no one's."""
    await connection.execute(CALL_HOLDING)
    await connection.execute(FORGET_ENDS)


async def seconds_to_next(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_LOOK)
    return seconds


async def active_jobs(
    connection: Connection, schedule_ids: Collection[str]
) -> dict[str, list[str]]:
    """By schedule, its jobs that are not final, if it has any."""
    if not schedule_ids:
        return {}
    rows = await connection.fetch(ACTIVE_JOBS, list(schedule_ids))
    return {row["schedule_id"]: row["ids"] for row in rows}


async def existing_jobs(connection: Connection, ids: Collection[str]) -> set[str]:
    return {row["id"] for row in await connection.fetch(EXISTING_JOBS, list(ids))}


async def move_on(connection: Connection, moves: Iterable[Move]) -> None:
    rows = [move._asdict() for move in moves]
    if rows:
        await connection.execute(MOVE_ON, rows)


async def hold_back(
    connection: Connection, schedule_id: str, length: timedelta, error: str
) -> None:
    """Leave what is due for later."""
    await connection.execute(HOLD_BACK, schedule_id, length, error)
