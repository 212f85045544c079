"""The rows of deliveries: one for each call that a webhook is owed, kept when it has been made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared.postgres.pool import Connection

# Jobs without webhooks, nearly all of them, end here.
JOBS_WITH_WEBHOOKS = """
SELECT id, name, description, tags, inputs, state, position, progress, created_at, started_at,
       task_count, webhooks, sealed, parent_task_id, shown_user(created_by) AS created_by,
       schedule_id, schedule_cron(schedule_id) AS schedule_cron, schedule_at
FROM jobs WHERE id = ANY($1::text[]) AND webhooks <> '[]'
"""

# The first $11 are taken by who adds them, in the order they are given: see TAKE_DUE.
ADD = """
INSERT INTO webhook_deliveries
    (id, job_id, version, webhook, url, body, event, receiver, sealed,
     attempts, next_at, created_at)
SELECT id, job_id, version, webhook, url, body, event, receiver, sealed, (number <= $11)::int,
       clock_timestamp() + CASE WHEN number <= $11 THEN $10::interval ELSE '0' END,
       clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::text[], $6::bytea[],
            $7::text[], $8::text[], $9::text[]) WITH ORDINALITY
     AS d(id, job_id, version, webhook, url, body, event, receiver, sealed, number)
ON CONFLICT DO NOTHING
RETURNING id, attempts
"""

# Taken for as long as a call may last: a dispatcher that dies meanwhile leaves them to another.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be taken.
TAKE_DUE = """
WITH taken AS (
    UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = clock_timestamp() + $1
    WHERE id = ANY(ARRAY(
        SELECT id FROM webhook_deliveries WHERE next_at <= now()
        ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING id, job_id, version, webhook, url, body, event, receiver, sealed, attempts,
              attempts_before, endpoint_id)
SELECT t.*, e.headers, e.secrets, e.retry_on, e.disabled_at IS NOT NULL AS is_disabled
FROM taken t LEFT JOIN webhook_endpoints e ON e.id = t.endpoint_id
"""

NEXT_DUE = """
SELECT extract(epoch FROM next_at - clock_timestamp())::float8
FROM webhook_deliveries WHERE next_at < 'infinity' ORDER BY next_at LIMIT 1
"""

MOST_COUNTED = 10_000

# By indexes both; a count that ends somewhere. What has ended is due never.
OWED = f"""
SELECT count(*) FROM (
    SELECT FROM webhook_deliveries WHERE next_at < 'infinity'
    ORDER BY next_at LIMIT {MOST_COUNTED}) d
"""  # noqa: S608 - a number of our own
LATE = """
SELECT greatest(0, extract(epoch FROM clock_timestamp() - least(
    (SELECT next_at FROM webhook_deliveries WHERE next_at < 'infinity' ORDER BY next_at LIMIT 1),
    (SELECT due_at FROM webhook_events ORDER BY due_at LIMIT 1))))::float8
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a call to the endpoint `id` goes by: `retry_on` are statuses that are tried again.
    `headers` and `secrets` are sealed, as its row has them."""

    id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[Mapping[str, Any]] = ()
    retry_on: Collection[int] = ()
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the same at each attempt; `attempts` counts this one, `attempts_before` those before
    it was last sent. `sealed` is None where there is no more to send than the body, else see
    `requests`; `endpoint` for a job's own webhook."""

    id: str
    job_id: str
    version: int
    webhook: int
    url: str
    body: bytes
    event: str = ""
    receiver: str = ""
    sealed: str | None = None
    attempts: int = 0
    attempts_before: int = 0
    endpoint: Endpoint | None = None


async def jobs_with_webhooks(
    connection: Connection, job_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch(JOBS_WITH_WEBHOOKS, list(job_ids))
    return {row["id"]: dict(row) for row in rows}


async def add(
    connection: Connection,
    deliveries: Sequence[Delivery],
    hold: timedelta = timedelta(),
    room: int = 0,
) -> list[Delivery]:
    """Owe these calls; one that is known already stays as it is.

    Takes the first of them, up to `room`, as `take_due` would: those are returned.
    """
    rows = await connection.fetch(
        ADD,
        [d.id for d in deliveries],
        [d.job_id for d in deliveries],
        [d.version for d in deliveries],
        [d.webhook for d in deliveries],
        [d.url for d in deliveries],
        [d.body for d in deliveries],
        [d.event for d in deliveries],
        [d.receiver for d in deliveries],
        [d.sealed for d in deliveries],
        hold,
        room,
    )
    taken = {row["id"] for row in rows if row["attempts"]}
    return [replace(d, attempts=1) for d in deliveries if d.id in taken]


async def take_due(connection: Connection, hold: timedelta, limit: int) -> list[Delivery]:
    """Take due calls; nobody else takes them for the time of `hold`."""
    rows = await connection.fetch(TAKE_DUE, hold, limit)
    return [_delivery(**row) for row in rows]


async def seconds_to_next(connection: Connection) -> float | None:
    """Until a call is due; None when none is owed."""
    seconds: float | None = await connection.fetchval(NEXT_DUE)
    return seconds


def _delivery(
    *,
    endpoint_id: str | None,
    headers: dict[str, str],
    secrets: list[dict[str, Any]],
    retry_on: list[int],
    is_disabled: bool,
    **facts: Any,  # noqa: ANN401 - the columns, as they are
) -> Delivery:
    endpoint = None
    if endpoint_id is not None:
        endpoint = Endpoint(endpoint_id, headers, secrets, retry_on, is_disabled)
    return Delivery(**facts, endpoint=endpoint)


async def backlog(connection: Connection) -> tuple[int, float]:
    """How many calls are owed, `MOST_COUNTED` at most; by how many seconds the first is late, be it
    a call or a change that calls are still to be made of."""
    owed: int = await connection.fetchval(OWED)
    late: float = await connection.fetchval(LATE)
    return owed, late
