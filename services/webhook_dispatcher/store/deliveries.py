"""The rows of deliveries: one for each call that a webhook is owed, until it is made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.postgres.pool import Connection

# Jobs without webhooks, nearly all of them, end here.
JOBS_WITH_WEBHOOKS = """
SELECT id, name, description, tags, inputs, state, position, progress, created_at, started_at,
       task_count, webhooks, sealed, parent_task_id
FROM jobs WHERE id = ANY($1::text[]) AND webhooks <> '[]'
"""

ADD = """
INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, body, next_at, created_at)
SELECT id, job_id, version, webhook, url, body, clock_timestamp(), clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::text[], $6::bytea[])
     AS d(id, job_id, version, webhook, url, body)
ON CONFLICT DO NOTHING
"""

# Taken for as long as a call may last: a dispatcher that dies meanwhile leaves them to another.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be taken.
TAKE_DUE = """
UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = clock_timestamp() + $1
WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_deliveries WHERE next_at <= now()
    ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING id, job_id, version, webhook, url, body, attempts
"""

HEADERS = """
SELECT j.id, j.name, j.inputs, j.sealed, d.webhook, j.webhooks -> d.webhook -> 'headers' AS headers
FROM unnest($1::text[], $2::int[]) AS d(job_id, webhook)
JOIN jobs j ON j.id = d.job_id
"""

MOST_COUNTED = 10_000

# By indexes both; a count that ends somewhere.
OWED = f"SELECT count(*) FROM (SELECT FROM webhook_deliveries ORDER BY id LIMIT {MOST_COUNTED}) d"  # noqa: S608 - a number of our own
LATE = """
SELECT greatest(0, extract(epoch FROM clock_timestamp() - least(
    (SELECT next_at FROM webhook_deliveries ORDER BY next_at LIMIT 1),
    (SELECT due_at FROM webhook_events ORDER BY due_at LIMIT 1))))::float8
"""

DONE = "DELETE FROM webhook_deliveries WHERE id = $1"
LATER = "UPDATE webhook_deliveries SET next_at = clock_timestamp() + $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the same at each attempt; `attempts` counts this one."""

    id: str
    job_id: str
    version: int
    webhook: int
    url: str
    body: bytes
    attempts: int = 0


async def jobs_with_webhooks(
    connection: Connection, job_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch(JOBS_WITH_WEBHOOKS, list(job_ids))
    return {row["id"]: dict(row) for row in rows}


async def add(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Owe these calls; one that is known already stays as it is."""
    await connection.execute(
        ADD,
        [d.id for d in deliveries],
        [d.job_id for d in deliveries],
        [d.version for d in deliveries],
        [d.webhook for d in deliveries],
        [d.url for d in deliveries],
        [d.body for d in deliveries],
    )


async def take_due(connection: Connection, hold: timedelta, limit: int) -> list[Delivery]:
    """Take due calls; nobody else takes them for the time of `hold`."""
    return [Delivery(**dict(row)) for row in await connection.fetch(TAKE_DUE, hold, limit)]


async def header_sources(
    connection: Connection, due: Sequence[Delivery]
) -> dict[tuple[str, int], dict[str, Any]]:
    """By job id and place of the webhook: its `headers` as submitted, and what they may read.

    They are not kept with the delivery, since evaluated they hold secrets. A job that was deleted
    meanwhile is not there.
    """
    rows = await connection.fetch(HEADERS, [d.job_id for d in due], [d.webhook for d in due])
    return {(row["id"], row["webhook"]): dict(row) for row in rows}


async def done(connection: Connection, delivery_id: str) -> None:
    await connection.execute(DONE, delivery_id)


async def later(connection: Connection, delivery_id: str, delay: timedelta) -> None:
    await connection.execute(LATER, delivery_id, delay)


async def backlog(connection: Connection) -> tuple[int, float]:
    """How many calls are owed, `MOST_COUNTED` at most; by how many seconds the first is late, be it
    a call or a change that calls are still to be made of."""
    owed: int = await connection.fetchval(OWED)
    late: float = await connection.fetchval(LATE)
    return owed, late
