"""The rows of notices, and of changes that were put off, until deliveries are made of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.webhook_dispatcher.store.feed import Row
from shared.postgres.pool import Connection

# Locked until the transaction ends, in which the deliveries are added and these rows removed.
TAKE_DUE = """
SELECT id, event, data, readers, endpoint_id, at FROM webhook_notices WHERE due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""

DONE = "DELETE FROM webhook_notices WHERE id = ANY($1::bigint[])"
LATER = "UPDATE webhook_notices SET due_at = now() + $2::interval WHERE id = ANY($1::bigint[])"

PUT_OFF = """
INSERT INTO webhook_notices (event, data, at, due_at)
SELECT 'changes', jsonb_build_object('changes', c.changes), c.at, now() + $2::interval
FROM jsonb_to_recordset($1) AS c(changes jsonb, at timestamptz)
"""

CHANGES = "changes"
"""The event of what is no notice: changes that could not be matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotice:
    """See `shared.store.notices.Notice`."""

    id: int
    event: str
    data: Mapping[str, Any]
    readers: Collection[str]
    endpoint_id: str | None
    at: datetime


async def take_due(connection: Connection, limit: int) -> list[StoredNotice]:
    """In a transaction: nobody else takes them before it ends. The oldest first."""
    return [StoredNotice(**row) for row in await connection.fetch(TAKE_DUE, limit)]


async def done(connection: Connection, ids: Collection[int]) -> None:
    await connection.execute(DONE, list(ids))


async def later(connection: Connection, ids: Collection[int], delay: timedelta) -> None:
    await connection.execute(LATER, list(ids), delay)


async def put_off(connection: Connection, rows: Sequence[Row], delay: timedelta) -> None:
    """They are matched again after `delay`, as notices of the event `CHANGES`."""
    stored = [{"changes": row.changes, "at": row.at} for row in rows]
    await connection.execute(PUT_OFF, stored, delay)
