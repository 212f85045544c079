"""The schedules that follow the clocks of a zone, and the database by which they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue

from shared.postgres.pool import Connection

CONTENTS = "SELECT contents FROM zone_database"

SET_CONTENTS = """
INSERT INTO zone_database (contents) VALUES ($1)
ON CONFLICT (is_only) DO UPDATE SET contents = excluded.contents
"""

# A firing that is due is a scheduler's to make.
TAKE_ZONED = """
SELECT id, cron, timezone, rules, created_at, next_at, now() AS now FROM schedules
WHERE id > $1 AND state = 'ACTIVE' AND next_at > now()
  AND (timezone <> 'UTC' OR rules ? 'crons')
ORDER BY id LIMIT $2 FOR NO KEY UPDATE
"""

SET_NEXT = """
UPDATE schedules AS s SET next_at = n.next_at, look_at = n.look_at
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS n (id, next_at, look_at)
WHERE s.id = n.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonedSchedule:
    """See `StoredTimes`."""

    id: str
    cron: str
    timezone: str
    rules: dict[str, JsonValue]
    created_at: datetime
    next_at: datetime
    now: datetime


class Next(NamedTuple):
    id: str
    next_at: datetime
    look_at: datetime


async def contents(connection: Connection) -> str | None:
    """None: of no database yet."""
    found: str | None = await connection.fetchval(CONTENTS)
    return found


async def set_contents(connection: Connection, contents: str) -> None:
    await connection.execute(SET_CONTENTS, contents)


async def take(connection: Connection, after: str, limit: int) -> list[ZonedSchedule]:
    """The next of them by their ids, locked until the transaction ends."""
    return [ZonedSchedule(**row) for row in await connection.fetch(TAKE_ZONED, after, limit)]


async def set_next(connection: Connection, changed: Sequence[Next]) -> None:
    if changed:
        await connection.execute(SET_NEXT, *map(list, zip(*changed, strict=True)))
