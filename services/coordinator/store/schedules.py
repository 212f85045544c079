"""Schedules as the API keeps them: made, shown, paused, resumed, triggered, deleted.

What `readers` may not see does not exist for them: see `Readers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue

from services.coordinator.store.rows import LONGEST_LISTED, JsonObject, Page, PageRequest, Readers
from shared.jobspec.cron.stored import NextFiring
from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Connection
from shared.store.idempotency import store_keys
from shared.store.uploads import WantedUploads, use_uploads

NOW = "SELECT now()"

INSERT = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, rules, spec, sealed,
                       created_by, readers, created_at, next_at, look_at)
VALUES ($1, 'ACTIVE', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

LIST = f"""
SELECT id, state, cron, timezone, overlap, catch_up, rules,
       CASE WHEN octet_length((spec -> 'inputs')::text) > {LONGEST_LISTED}
            THEN spec - ARRAY['tasks', 'inputs'] ELSE spec - 'tasks' END AS spec, sealed,
       shown_user(created_by) AS created_by, NULL::jsonb AS permissions,
       created_at, next_at, last_at, last_job_id, error, note, version, runs, failures, held,
       ended_at, readers
FROM schedules
WHERE ($1::text[] IS NULL OR readers = '{{}}' OR readers && $1)
  AND ($4 = '' OR state = $4) AND ($5 = '' OR strpos(lower(spec ->> 'name'), lower($5)) > 0)
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""  # noqa: S608 - a number of our own

COUNT = """
SELECT count(*) FROM schedules
WHERE ($1::text[] IS NULL OR readers = '{}' OR readers && $1)
  AND ($2 = '' OR state = $2) AND ($3 = '' OR strpos(lower(spec ->> 'name'), lower($3)) > 0)
"""

ONE = """
SELECT id, state, cron, timezone, overlap, catch_up, rules, spec, sealed,
       shown_user(created_by) AS created_by,
       shown_permissions(spec -> 'permissions') AS permissions,
       created_at, next_at, last_at, last_job_id, error, note, version, runs, failures, held,
       ended_at, readers
FROM schedules WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

UPCOMING = """
SELECT id, spec ->> 'name' AS name, sealed, cron, timezone, rules, created_at, next_at, runs
FROM schedules
WHERE state = 'ACTIVE' AND next_at < $2
  AND ($1::text[] IS NULL OR readers = '{}' OR readers && $1)
ORDER BY next_at, id LIMIT $3
"""

# The state may change between a look at it and this.
PAUSE = """
UPDATE schedules SET state = 'PAUSED', next_at = NULL, look_at = NULL, error = NULL, note = $2
WHERE id = $1 AND state = 'ACTIVE' RETURNING id
"""

RESUME = """
UPDATE schedules SET state = 'ACTIVE', next_at = $2, note = NULL, failures = 0,
    look_at = CASE WHEN held = '{}' THEN $3 ELSE now() END
WHERE id = $1 AND state = 'PAUSED' RETURNING id
"""

STORED = """
SELECT id, version, state, cron, timezone, overlap, catch_up, rules, spec, sealed, created_by,
       readers, created_at, next_at, held, runs, now() AS now
FROM schedules WHERE id = $1
"""

# A scheduler that fires it holds the same lock: one comes before the other.
LOCK = f"{STORED} FOR NO KEY UPDATE"

EDIT = """
UPDATE schedules SET cron = $2, timezone = $3, overlap = $4, catch_up = $5, rules = $6, spec = $7,
    sealed = $8, readers = $9, state = $10, next_at = $11,
    look_at = CASE WHEN held = '{}' OR $10 <> 'ACTIVE' THEN $12 ELSE now() END,
    ended_at = CASE WHEN $10 = 'ENDED' THEN ended_at END, version = version + 1, error = NULL
WHERE id = $1
"""

ACTIVE_JOBS = """
SELECT id FROM jobs WHERE schedule_id = $1 AND state IN ('PENDING', 'SCHEDULED', 'RUNNING')
"""

# Before anything is locked: a transaction that changes a job waits for its turn first, see
# `shared.store.locking`.
TURNS = """
SELECT active.id, pg_advisory_xact_lock(hashtextextended(active.id, 0))
FROM (SELECT id FROM jobs WHERE schedule_id = $1 AND state IN ('PENDING', 'SCHEDULED', 'RUNNING')
      ORDER BY hashtextextended(id, 0)) AS active
"""

HOLD = "UPDATE schedules SET held = held || $2::timestamptz[] WHERE id = $1"

# The job that they wait for may have ended while nobody knew that they do.
CALL = "INSERT INTO schedule_ends (schedule_id) VALUES ($1)"

SET_LAST = "UPDATE schedules SET last_at = $2, last_job_id = $3 WHERE id = $1"

DELETE = """
WITH released AS (DELETE FROM upload_uses WHERE owner_id = $1)
DELETE FROM schedules WHERE id = $1 RETURNING id
"""


class NewSchedule(NamedTuple):
    """The parameters of `INSERT`, in its order.

    `spec` is what was submitted with what is secret taken out; `sealed` has all of it.
    """

    id: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    rules: Mapping[str, JsonValue]
    spec: JsonObject
    sealed: str | None
    created_by: str | None
    readers: Sequence[str]
    created_at: datetime
    next_at: datetime
    look_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """In a list `spec` comes without the tasks."""

    id: str
    state: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    rules: JsonObject
    spec: JsonObject
    sealed: str | None
    created_by: JsonObject | None
    permissions: list[JsonObject] | None
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    last_job_id: str | None
    error: str | None
    note: str | None
    version: int
    runs: int
    failures: int
    held: list[datetime]
    ended_at: datetime | None
    readers: list[str]


class UpcomingRow(NamedTuple):
    """An active schedule, and when it fires next."""

    id: str
    name: str
    sealed: str | None
    cron: str
    timezone: str
    rules: JsonObject
    created_at: datetime
    next_at: datetime
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSchedule:
    """As it is stored: what its jobs are made of and when. `held` are firings that wait."""

    id: str
    version: int
    state: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    rules: JsonObject
    spec: JsonObject
    sealed: str | None
    created_by: str | None
    readers: list[str]
    created_at: datetime
    next_at: datetime | None
    held: list[datetime]
    runs: int
    now: datetime


class Edit(NamedTuple):
    """The parameters of `EDIT`, in its order."""

    id: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    rules: Mapping[str, JsonValue]
    spec: JsonObject
    sealed: str | None
    readers: Sequence[str]
    state: str
    next_at: datetime | None
    look_at: datetime | None


async def now(connection: Connection) -> datetime:
    """The database's clock, by which schedules fire."""
    at: datetime = await connection.fetchval(NOW)
    return at


async def add(
    connection: Connection,
    new: NewSchedule,
    key: IdempotencyKey | None,
    uploads: Mapping[str, str],
) -> bool:
    """False when `key` was used before, and nothing was added. `uploads` are ids by their names.
    Raises InvalidJob."""
    async with connection.transaction():
        if key is not None and await store_keys(connection, {new.id: key}):
            return False
        await use_uploads(connection, WantedUploads(new.id, uploads, new.created_by))
        await connection.execute(INSERT, *new)
        return True


async def page(
    connection: Connection, readers: Readers, request: PageRequest, state: str = "", text: str = ""
) -> Page[ScheduleRow]:
    """Those in `state`, with `text` in their name; empty: all."""
    rows = await connection.fetch(LIST, readers, request.size, request.offset, state, text)
    total = await connection.fetchval(COUNT, readers, state, text)
    return Page(request, [ScheduleRow(**row) for row in rows], total)


async def upcoming(
    connection: Connection, readers: Readers, before: datetime, most: int
) -> list[UpcomingRow]:
    """Those that fire before that, the next first."""
    rows = await connection.fetch(UPCOMING, readers, before, most)
    return [UpcomingRow._make(row) for row in rows]


async def one(connection: Connection, schedule_id: str, readers: Readers) -> ScheduleRow | None:
    row = await connection.fetchrow(ONE, schedule_id, readers)
    return ScheduleRow(**row) if row else None


async def pause(connection: Connection, schedule_id: str, note: str | None) -> bool:
    """Whether it was ACTIVE; `note` says why it is paused."""
    return await connection.fetchval(PAUSE, schedule_id, note) is not None


async def resume(connection: Connection, schedule_id: str, following: NextFiring) -> bool:
    """Whether it was PAUSED."""
    return await connection.fetchval(RESUME, schedule_id, *following) is not None


async def delete(connection: Connection, schedule_id: str) -> bool:
    """Whether there was one. The jobs it has made stay."""
    return await connection.fetchval(DELETE, schedule_id) is not None


async def stored(connection: Connection, schedule_id: str) -> StoredSchedule | None:
    row = await connection.fetchrow(STORED, schedule_id)
    return StoredSchedule(**row) if row else None


async def lock(connection: Connection, schedule_id: str) -> StoredSchedule | None:
    """Nobody else fires or changes it until the transaction ends."""
    row = await connection.fetchrow(LOCK, schedule_id)
    return StoredSchedule(**row) if row else None


async def edit(connection: Connection, edit: Edit, uploads: WantedUploads) -> None:
    """Raises InvalidJob."""
    await use_uploads(connection, uploads)
    await connection.execute(EDIT, *edit)


async def take_turns(connection: Connection, schedule_id: str) -> set[str]:
    """At the jobs of it that may be cancelled, as the first thing of the transaction; their ids."""
    return {row["id"] for row in await connection.fetch(TURNS, schedule_id)}


async def active_jobs(connection: Connection, schedule_id: str) -> list[str]:
    """Its jobs that are not final."""
    return [row["id"] for row in await connection.fetch(ACTIVE_JOBS, schedule_id)]


async def hold(connection: Connection, schedule_id: str, times: Sequence[datetime]) -> None:
    """These firings wait for its jobs to end, after those that wait already."""
    await connection.execute(HOLD, schedule_id, times)
    await connection.execute(CALL, schedule_id)


async def set_last(connection: Connection, schedule_id: str, at: datetime, job_id: str) -> None:
    """The last job that it has made."""
    await connection.execute(SET_LAST, schedule_id, at, job_id)
