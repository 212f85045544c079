"""Schedules as the API keeps them: made, shown, paused, resumed, deleted.

What `readers` may not see does not exist for them: see `Readers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.coordinator.store.rows import JsonObject, Page, PageRequest, Readers
from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.idempotency import store_keys

NOW = "SELECT now()"

INSERT = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, sealed, created_by,
                       readers, created_at, next_at, look_at)
VALUES ($1, 'ACTIVE', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
"""

LIST = """
SELECT id, state, cron, timezone, overlap, catch_up, spec - 'tasks' AS spec, sealed, created_by,
       created_at, next_at, last_at, last_job_id, error
FROM schedules WHERE $1::text[] IS NULL OR readers = '{}' OR readers && $1
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT = """
SELECT count(*) FROM schedules WHERE $1::text[] IS NULL OR readers = '{}' OR readers && $1
"""

ONE = """
SELECT id, state, cron, timezone, overlap, catch_up, spec, sealed, created_by,
       created_at, next_at, last_at, last_job_id, error
FROM schedules WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

# The state may change between a look at it and this.
PAUSE = """
UPDATE schedules SET state = 'PAUSED', next_at = NULL, look_at = NULL, error = NULL
WHERE id = $1 AND state = 'ACTIVE' RETURNING id
"""

RESUME = """
UPDATE schedules SET state = 'ACTIVE', next_at = $2, look_at = $2
WHERE id = $1 AND state = 'PAUSED' RETURNING id
"""

DELETE = """
DELETE FROM schedules WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """`spec` is what was submitted with what is secret taken out; `sealed` has all of it."""

    id: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    spec: JsonObject
    sealed: str | None
    created_by: str | None
    readers: Sequence[str]
    created_at: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """In a list `spec` comes without the tasks."""

    id: str
    state: str
    cron: str
    timezone: str
    overlap: str
    catch_up: str
    spec: JsonObject
    sealed: str | None
    created_by: str | None
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    last_job_id: str | None
    error: str | None


class Schedules:
    """Each call on a connection of its own. Every method raises DatabaseUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def now(self) -> datetime:
        """The database's clock, by which schedules fire."""
        async with acquired(self._pool) as connection:
            now: datetime = await connection.fetchval(NOW)
            return now

    async def add(self, new: NewSchedule, key: IdempotencyKey | None = None) -> bool:
        """False when `key` was used before, and nothing was added."""
        async with acquired(self._pool) as connection, connection.transaction():
            if key is not None and await store_keys(connection, {new.id: key}):
                return False
            await _insert(connection, new)
            return True

    async def list(self, readers: Readers, request: PageRequest) -> Page[ScheduleRow]:
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(LIST, readers, request.size, request.offset)
            total = await connection.fetchval(COUNT, readers)
        return Page(request, [ScheduleRow(**row) for row in rows], total)

    async def one(self, schedule_id: str, readers: Readers) -> ScheduleRow | None:
        async with acquired(self._pool) as connection:
            row: asyncpg.Record | None = await connection.fetchrow(ONE, schedule_id, readers)
        return None if row is None else ScheduleRow(**row)

    async def pause(self, schedule_id: str) -> bool:
        """Whether it was ACTIVE."""
        async with acquired(self._pool) as connection:
            return await connection.fetchval(PAUSE, schedule_id) is not None

    async def resume(self, schedule_id: str, next_at: datetime) -> bool:
        """Whether it was PAUSED; it fires next at `next_at`."""
        async with acquired(self._pool) as connection:
            return await connection.fetchval(RESUME, schedule_id, next_at) is not None

    async def delete(self, schedule_id: str, readers: Readers) -> bool:
        """Whether there was one. The jobs it has made stay."""
        async with acquired(self._pool) as connection:
            return await connection.fetchval(DELETE, schedule_id, readers) is not None


async def _insert(connection: Connection, new: NewSchedule) -> None:
    await connection.execute(
        INSERT,
        new.id,
        new.cron,
        new.timezone,
        new.overlap,
        new.catch_up,
        new.spec,
        new.sealed,
        new.created_by,
        new.readers,
        new.created_at,
        new.next_at,
    )
