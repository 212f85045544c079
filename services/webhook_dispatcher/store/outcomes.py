"""What came of attempts, written to the rows of deliveries and of endpoints."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.webhook_dispatcher.health import Health
from shared.postgres.pool import Connection
from shared.store.webhook_deliveries import end_deliveries

# Locked first, as a delivery that is deleted meanwhile with its job can't have an attempt. A
# receiver that took a call took it, however late that is heard; what else came of one counts only
# if the delivery was not taken or sent anew meanwhile.
WRITE = """
WITH outcome AS (
    SELECT o.*, o.state = 'DELIVERED' AND d.state <> 'DELIVERED'
           OR d.state = 'PENDING' AND d.attempts = o.number AND d.attempts_before = o.number_before
           AS counts
    FROM unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::interval[], $6::interval[],
                $7::float8[], $8::int[], $9::text[], $10::text[], $11::jsonb[], $12::jsonb[])
         AS o(id, number, number_before, state, retry_in, ago, duration_ms, status, error, answer,
              request_headers, answer_headers)
    JOIN webhook_deliveries d ON d.id = o.id
    ORDER BY o.id FOR NO KEY UPDATE OF d
), attempts AS (
    INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, status, error, answer,
                                  request_headers, answer_headers)
    SELECT id, number, clock_timestamp() - ago, duration_ms, status, error, answer,
           request_headers, answer_headers
    FROM outcome
)
UPDATE webhook_deliveries d SET
    state = o.state,
    next_at = CASE o.state WHEN 'PENDING' THEN clock_timestamp() + o.retry_in ELSE 'infinity' END,
    ended_at = CASE WHEN o.state <> 'PENDING' THEN clock_timestamp() END
FROM outcome o WHERE d.id = o.id AND o.counts
"""

ENDPOINTS_TOOK = """
UPDATE webhook_endpoints SET failing_since = NULL, failing_told_at = NULL
WHERE id = ANY($1::text[]) AND failing_since IS NOT NULL
"""

LOCK_ENDPOINTS = """
SELECT id, description, receiver, readers, failing_since, failing_told_at, clock_timestamp() AS now
FROM webhook_endpoints WHERE id = ANY($1::text[]) AND disabled_at IS NULL
ORDER BY id FOR NO KEY UPDATE
"""

ENDPOINTS_FAILED = """
UPDATE webhook_endpoints e SET
    failing_since = f.failing_since,
    failing_told_at = f.failing_told_at,
    disabled_at = CASE WHEN f.disabled_reason IS NOT NULL THEN clock_timestamp() END,
    disabled_reason = f.disabled_reason
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[])
     AS f(id, failing_since, failing_told_at, disabled_reason)
WHERE e.id = f.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Of attempt `number` of the delivery `id`, taken when `number_before` had been made before it
    was last sent: the state of the delivery now, and for PENDING the time to the next attempt. The
    attempt began `ago`."""

    id: str
    number: int
    number_before: int
    state: str
    retry_in: timedelta | None
    ago: timedelta
    duration_ms: float
    status: int | None
    error: str | None
    answer: str | None
    request_headers: Mapping[str, str] | None
    answer_headers: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`now` is the database's time."""

    id: str
    description: str
    receiver: str
    readers: Sequence[str]
    health: Health
    now: datetime


async def write(connection: Connection, outcomes: Sequence[Written]) -> None:
    await connection.execute(
        WRITE,
        [o.id for o in outcomes],
        [o.number for o in outcomes],
        [o.number_before for o in outcomes],
        [o.state for o in outcomes],
        [o.retry_in for o in outcomes],
        [o.ago for o in outcomes],
        [o.duration_ms for o in outcomes],
        [o.status for o in outcomes],
        [o.error for o in outcomes],
        [o.answer for o in outcomes],
        [o.request_headers for o in outcomes],
        [o.answer_headers for o in outcomes],
    )


async def endpoints_took(connection: Connection, ids: Collection[str]) -> None:
    await connection.execute(ENDPOINTS_TOOK, list(ids))


async def lock_endpoints(connection: Connection, ids: Collection[str]) -> list[Endpoint]:
    """Those that are not disabled."""
    rows = await connection.fetch(LOCK_ENDPOINTS, list(ids))
    return [
        Endpoint(
            row["id"],
            row["description"],
            row["receiver"],
            row["readers"],
            Health(row["failing_since"], row["failing_told_at"]),
            row["now"],
        )
        for row in rows
    ]


async def endpoints_failed(connection: Connection, health: Mapping[str, Health]) -> None:
    """Of those that are disabled now, what is owed ends."""
    await connection.execute(
        ENDPOINTS_FAILED,
        list(health),
        [each.failing_since for each in health.values()],
        [each.failing_told_at for each in health.values()],
        [each.disabled_reason for each in health.values()],
    )
    if disabled := [id_ for id_, each in health.items() if each.disabled_reason]:
        await end_deliveries(connection, disabled)
