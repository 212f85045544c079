"""The rows of changes that jobs with webhooks have had, until deliveries are made of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.postgres.pool import Connection

# Locked until the transaction ends, in which the deliveries are added and these rows removed.
TAKE_DUE = """
SELECT id, job_id, changes, only_submission FROM webhook_events WHERE due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""

DONE = "DELETE FROM webhook_events WHERE id = ANY($1::bigint[])"
LATER = "UPDATE webhook_events SET due_at = now() + $2::interval WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Changes of one job, as `shared.messages.Change`, in the order they were decided. With
    `only_submission` its webhooks are called and no others: `id`, `webhooks`, `sealed` secrets."""

    id: int
    job_id: str
    changes: list[dict[str, Any]]
    only_submission: Mapping[str, Any] | None = None


async def take_due(connection: Connection, limit: int) -> list[StoredEvent]:
    """In a transaction: nobody else takes them before it ends. The oldest first."""
    rows = await connection.fetch(TAKE_DUE, limit)
    return sorted((StoredEvent(**dict(row)) for row in rows), key=lambda event: event.id)


async def done(connection: Connection, ids: Collection[int]) -> None:
    await connection.execute(DONE, list(ids))


async def later(connection: Connection, ids: Collection[int], delay: timedelta) -> None:
    await connection.execute(LATER, list(ids), delay)
