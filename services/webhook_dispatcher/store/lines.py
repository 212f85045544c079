"""Which deliveries are due, and taking them: fairly over receivers and owners.

Those of an owner to a receiver are a line: the first of each line is found without looking at the
others, however many they are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.webhook_dispatcher.store.deliveries import Delivery, delivery_of
from shared.postgres.pool import Connection

# One step of the index for each line. The receivers of $1 are passed over.
_HEADS = """RECURSIVE heads AS (
    (SELECT receiver, owner, next_at FROM webhook_deliveries WHERE state = 'PENDING'
     ORDER BY receiver, owner, next_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM heads h CROSS JOIN LATERAL (
        SELECT receiver, owner, next_at FROM webhook_deliveries d
        WHERE state = 'PENDING' AND (d.receiver, d.owner) > (h.receiver, h.owner)
        ORDER BY receiver, owner, next_at LIMIT 1) n
), free AS (
    SELECT h.* FROM heads h LEFT JOIN unnest($1::text[]) AS f(receiver) USING (receiver)
    WHERE f.receiver IS NULL
)
"""

# The lines with a due call, the first due first, and the one that has the next.
DUE = f"""
WITH {_HEADS}
SELECT receiver, owner,
       greatest(0, extract(epoch FROM next_at - clock_timestamp()))::float8 AS seconds
FROM free WHERE next_at <= now()
             OR next_at = (SELECT min(next_at) FROM free WHERE next_at > now())
ORDER BY next_at
"""  # noqa: S608 - a part of our own

# Taken for as long as a call may last: a dispatcher that dies meanwhile leaves them to another.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be taken.
TAKE = """
WITH taken AS (
    UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = clock_timestamp() + $1
    WHERE id = ANY(ARRAY(
        SELECT d.id FROM unnest($2::text[], $3::text[], $4::int[]) AS line(receiver, owner, calls)
        CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries
            WHERE receiver = line.receiver AND owner = line.owner AND state = 'PENDING'
              AND next_at <= now()
            ORDER BY next_at LIMIT line.calls FOR UPDATE SKIP LOCKED) d))
    RETURNING id, job_id, version, webhook, url, body, event, receiver, owner, sealed,
              attempts, attempts_before, endpoint_id)
SELECT t.*, e.headers, e.secrets, e.retry_on, e.disabled_at IS NOT NULL AS is_disabled
FROM taken t LEFT JOIN webhook_endpoints e ON e.id = t.endpoint_id
"""

# Written by a dispatcher from before there were lines.
NAMELESS = """
SELECT id, url FROM webhook_deliveries WHERE receiver = '' AND state = 'PENDING'
ORDER BY receiver, owner, next_at LIMIT $1
"""
NAME = """
UPDATE webhook_deliveries d SET receiver = n.receiver
FROM unnest($1::text[], $2::text[]) AS n(id, receiver) WHERE d.id = n.id AND d.receiver = ''
"""

LATE = f"""
WITH {_HEADS}
SELECT greatest(0, extract(epoch FROM clock_timestamp() - least(
    (SELECT min(next_at) FROM free),
    (SELECT due_at FROM webhook_events ORDER BY due_at LIMIT 1))))::float8
"""  # noqa: S608 - a part of our own


@dataclass(frozen=True, slots=True)
class Line:
    """The first call of `owner` to `receiver` is due in so many `seconds`."""

    receiver: str
    owner: str
    seconds: float

    @property
    def is_ready(self) -> bool:
        return self.seconds <= 0


async def due(connection: Connection, passed_over: Collection[str]) -> list[Line]:
    """The lines with due calls, and the one that has the next. Those to receivers that are
    `passed_over` don't count."""
    return [Line(**row) for row in await connection.fetch(DUE, list(passed_over))]


async def take(
    connection: Connection, hold: timedelta, calls: Mapping[Line, int]
) -> list[Delivery]:
    """Take due calls, from each line so many at most; nobody else takes them for the time of
    `hold`."""
    receivers, owners = [line.receiver for line in calls], [line.owner for line in calls]
    rows = await connection.fetch(TAKE, hold, receivers, owners, list(calls.values()))
    return [delivery_of(**row) for row in rows]


async def nameless(connection: Connection, limit: int) -> Sequence[tuple[str, str]]:
    """Ids and URLs, as stored, of deliveries whose receiver was not noted."""
    return [(row["id"], row["url"]) for row in await connection.fetch(NAMELESS, limit)]


async def name(connection: Connection, receivers: dict[str, str]) -> None:
    """By the ids of deliveries."""
    await connection.execute(NAME, list(receivers), list(receivers.values()))


async def seconds_late(connection: Connection, passed_over: Collection[str]) -> float:
    """By which the first is late, be it a call or a change that calls are still to be made of."""
    late: float = await connection.fetchval(LATE, list(passed_over))
    return late
