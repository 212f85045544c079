"""The feed of changes as endpoints follow it, and how far they have: one place for all of them.

One dispatcher follows at a time, which ends with its connection. An advisory lock has no
transaction number: the feed goes no further than the oldest that has one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.webhook_dispatcher.store.deliveries import HAS_PHASES
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection

# What is decided from now on comes behind the horizon.
LOOK = """
SELECT c.txid, c.seq, h.horizon,
       EXISTS (SELECT FROM webhook_endpoints WHERE disabled_at IS NULL) AS has_endpoints,
       EXISTS (SELECT FROM job_events e WHERE (e.txid, e.seq) > (c.txid, c.seq)
               AND (e.txid, e.seq) > ($1, $2) AND e.txid < h.horizon) AS has_news,
       EXISTS (SELECT FROM webhook_notices WHERE due_at <= now()) AS has_notices
FROM feed_cursors c,
     (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) AS h
WHERE c.name = 'webhook endpoints'
"""

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('webhook endpoints'))"

PAGE = """
SELECT e.txid, e.seq, e.at, e.changes FROM job_events e
WHERE (e.txid, e.seq) > ($1, $2) AND e.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY e.txid, e.seq LIMIT $3
"""

MOVE = """
UPDATE feed_cursors SET txid = $1, seq = $2
WHERE name = 'webhook endpoints' AND (txid, seq) < ($1, $2)
"""

JOBS = f"""
SELECT id, name, description, tags, inputs, state, position, progress, created_at, started_at,
       task_count, sealed, readers, parent_task_id, shown_user(created_by) AS created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron, schedule_at,
       CASE WHEN cancelled_by IS NOT NULL THEN shown_user(cancelled_by) END AS cancelled_by,
       cancel_reason, {HAS_PHASES}
FROM jobs WHERE id = ANY($1::text[])
"""  # noqa: S608 - a text of our own

# What only webhooks are told of a task.
TASKS = """
SELECT id, var, definition ->> 'description' AS description, definition -> 'tags' AS tags,
       created_at, scheduled_at, started_at, completed_at, failed_at
FROM tasks WHERE id = ANY($1::text[])
"""


class Place(NamedTuple):
    """In the feed: what is read next comes after it."""

    txid: int
    seq: int


@dataclass(frozen=True, slots=True)
class Look:
    """How far the feed has been followed, and where it ends by now."""

    place: Place
    horizon: Place
    has_endpoints: bool
    has_news: bool
    has_notices: bool


@dataclass(frozen=True, slots=True)
class Row:
    """Changes of one job (as `shared.messages.Change`), in the order they were decided."""

    place: Place
    at: datetime
    changes: Sequence[dict[str, Any]]

    @property
    def job_ids(self) -> Collection[str]:
        return {change["job_id"] for change in self.changes}


async def look(connection: Connection, after: Place) -> Look:
    """With the changes behind `after`, too. Raises DatabaseUnavailable."""
    row = await connection.fetchrow(LOOK, *after)
    if row is None:  # the migrations are under way
        raise DatabaseUnavailable("endpoints have no cursor: is the schema up to date?")
    txid, seq, horizon, *has = row
    return Look(Place(txid, seq), Place(horizon, 0), *has)


async def lock(connection: Connection) -> bool:
    """Whether nobody else follows before the transaction ends."""
    locked: bool = await connection.fetchval(LOCK)
    return locked


async def page(connection: Connection, after: Place, limit: int) -> list[Row]:
    rows = await connection.fetch(PAGE, *after, limit)
    return [Row(Place(row["txid"], row["seq"]), row["at"], row["changes"]) for row in rows]


async def move(connection: Connection, to: Place) -> None:
    """Never back."""
    await connection.execute(MOVE, *to)


async def jobs(connection: Connection, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    return {row["id"]: dict(row) for row in await connection.fetch(JOBS, list(ids))}


async def tasks(connection: Connection, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    return {row["id"]: dict(row) for row in await connection.fetch(TASKS, list(ids))}
