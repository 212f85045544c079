"""How far each event listener has been told of the feed, and what comes next.

What is next ends below the oldest transaction that still runs: rows get their place when they are
written, not when they are committed, and none may appear behind a cursor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.postgres.pool import Connection

# A new listener is told of what happens from now on.
BEGIN = """
INSERT INTO feed_cursors (name, txid, seq)
VALUES ($1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0)
ON CONFLICT DO NOTHING
"""

PLACE = "SELECT txid, seq FROM feed_cursors WHERE name = $1"

# The primary key has the order; the planner, for which a backlog can be any size, might sort it all.
WALK_IN_ORDER = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"

# Events go with their job, so each that is there has one.
NEWS = """
SELECT e.txid, e.seq, e.changes, j.sealed
FROM job_events e JOIN jobs j ON j.id = e.job_id
WHERE (e.txid, e.seq) > ($1, $2)
  AND e.txid < (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
ORDER BY e.txid, e.seq LIMIT $3
"""

TAKE = """
UPDATE feed_cursors SET taken_until = clock_timestamp() + $4
WHERE name = $1 AND (txid, seq) = ($2, $3) AND taken_until < clock_timestamp()
RETURNING taken_until
"""

MOVE = """
UPDATE feed_cursors SET txid = $3, seq = $4, taken_until = '-infinity'
WHERE name = $1 AND taken_until = $2
RETURNING true
"""

LEAVE = "UPDATE feed_cursors SET taken_until = '-infinity' WHERE name = $1 AND taken_until = $2"


@dataclass(frozen=True, slots=True)
class News:
    """One transaction's `changes` of one job (as `shared.messages.Change`), and its place.

    `sealed` is what the job keeps secret.
    """

    txid: int
    seq: int
    changes: Sequence[Mapping[str, Any]]
    sealed: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Up to here, inclusive, a listener has been told."""

    txid: int
    seq: int


async def begin(connection: Connection, name: str) -> None:
    """Gives a listener that is new its place; any other keeps its own."""
    await connection.execute(BEGIN, name)


async def place_of(connection: Connection, name: str) -> Place | None:
    row = await connection.fetchrow(PLACE, name)
    return None if row is None else Place(**dict(row))


async def news_after(connection: Connection, place: Place, limit: int) -> list[News]:
    async with connection.transaction(readonly=True):
        await connection.execute(WALK_IN_ORDER)
        rows = await connection.fetch(NEWS, place.txid, place.seq, limit)
    return [News(**dict(row)) for row in rows]


async def take(connection: Connection, name: str, place: Place, hold: timedelta) -> datetime | None:
    """Nobody else takes it until then; None when it is taken, or has moved on from `place`."""
    until: datetime | None = await connection.fetchval(TAKE, name, place.txid, place.seq, hold)
    return until


async def move(connection: Connection, name: str, taken_until: datetime, place: Place) -> bool:
    """Leave it at `place`. False when it was no longer ours: others have it from where it was."""
    return bool(await connection.fetchval(MOVE, name, taken_until, place.txid, place.seq))


async def leave(connection: Connection, name: str, taken_until: datetime) -> None:
    """Leave it where it is."""
    await connection.execute(LEAVE, name, taken_until)
