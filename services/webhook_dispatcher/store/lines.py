"""Which deliveries are due, and taking them: fairly over receivers, owners and endpoints.

Those to a receiver that an owner or an endpoint of his is owed are a line: the first of each line
is found without looking at the others, however many they are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.webhook_dispatcher.store.deliveries import Delivery, delivery_of
from shared.postgres.pool import Connection

# One step of the index for each line. The receivers of $1 are passed over. An endpoint with a rate
# is due when its rate lets it.
_HEADS = """RECURSIVE heads AS (
    (SELECT receiver, owner, coalesce(endpoint_id, '') AS endpoint, next_at
     FROM webhook_deliveries WHERE state = 'PENDING'
     ORDER BY receiver, owner, coalesce(endpoint_id, ''), next_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM heads h CROSS JOIN LATERAL (
        SELECT receiver, owner, coalesce(endpoint_id, ''), next_at FROM webhook_deliveries d
        WHERE state = 'PENDING' AND (d.receiver, d.owner, coalesce(d.endpoint_id, ''))
                                  > (h.receiver, h.owner, h.endpoint)
        ORDER BY receiver, owner, coalesce(endpoint_id, ''), next_at LIMIT 1) n
), free AS (
    SELECT h.receiver, h.owner, h.endpoint,
           CASE WHEN e.rate_per_second IS NULL THEN h.next_at
                ELSE greatest(h.next_at, e.next_call_at) END AS due_at
    FROM heads h LEFT JOIN unnest($1::text[]) AS f(receiver) USING (receiver)
                 LEFT JOIN webhook_endpoints e ON e.id = h.endpoint
    WHERE f.receiver IS NULL
)
"""

# The lines with a due call, the first due first, and the one that has the next.
DUE = f"""
WITH {_HEADS}
SELECT receiver, owner, endpoint,
       greatest(0, extract(epoch FROM due_at - clock_timestamp()))::float8 AS seconds
FROM free WHERE due_at <= now()
             OR due_at = (SELECT min(due_at) FROM free WHERE due_at > now())
ORDER BY due_at
"""  # noqa: S608 - a part of our own

# Taken for as long as a call may last: a dispatcher that dies meanwhile leaves them to another.
# `pace` is the time of the next call of each endpoint with a rate; a little behind is made up for,
# as rounds come late. Another dispatcher that takes calls of it now leaves none to us.
# In order: a call isn't taken while an earlier one of its job and endpoint is pending, whoever may
# have taken that. It is put off until that one may be taken again, and due when that one ends.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be taken.
TAKE = """
WITH pace AS MATERIALIZED (
    SELECT id, rate_per_second AS rate,
           greatest(next_call_at, now() - interval '50 ms') AS next_call_at
    FROM webhook_endpoints WHERE id = ANY($4::text[]) AND rate_per_second IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), line AS (
    SELECT l.receiver, l.owner, l.endpoint,
           CASE WHEN e.rate_per_second IS NULL THEN l.calls
                WHEN p.next_call_at <= now() THEN least(
                    l.calls, 1 + floor(extract(epoch FROM now() - p.next_call_at) * p.rate)::int)
                ELSE 0 END AS calls
    FROM unnest($2::text[], $3::text[], $4::text[], $5::int[])
         AS l(receiver, owner, endpoint, calls)
    LEFT JOIN webhook_endpoints e ON e.id = l.endpoint LEFT JOIN pace p ON p.id = l.endpoint
), due AS MATERIALIZED (
    SELECT d.id, line.endpoint, d.waits_for FROM line CROSS JOIN LATERAL (
        SELECT id, CASE WHEN is_ordered THEN (
            SELECT next_at FROM webhook_deliveries b
            WHERE b.endpoint_id = d.endpoint_id AND b.job_id = d.job_id AND b.version < d.version
              AND b.state = 'PENDING' AND b.is_ordered
            ORDER BY version LIMIT 1) END AS waits_for
        FROM webhook_deliveries d
        WHERE receiver = line.receiver AND owner = line.owner
          AND coalesce(endpoint_id, '') = line.endpoint AND state = 'PENDING' AND next_at <= now()
        ORDER BY next_at LIMIT line.calls FOR UPDATE OF d SKIP LOCKED) d
), paced AS (
    UPDATE webhook_endpoints e
    SET next_call_at = p.next_call_at + make_interval(secs => taken.calls / p.rate)
    FROM pace p JOIN (SELECT endpoint, count(*) AS calls FROM due WHERE waits_for IS NULL
                      GROUP BY endpoint) taken ON taken.endpoint = p.id
    WHERE e.id = p.id
), put_off AS (
    UPDATE webhook_deliveries d
    SET next_at = greatest(due.waits_for, now()) + interval '50 ms'
    FROM due WHERE d.id = due.id AND due.waits_for IS NOT NULL
), taken AS (
    UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = clock_timestamp() + $1
    WHERE id = ANY(ARRAY(SELECT id FROM due WHERE waits_for IS NULL))
    RETURNING id, job_id, version, webhook, url, body, event, receiver, owner, is_ordered, sealed,
              attempts, attempts_before, endpoint_id)
SELECT t.*, e.headers, e.secrets, e.retry_on, e.disabled_at IS NOT NULL AS is_disabled
FROM due LEFT JOIN taken t ON t.id = due.id LEFT JOIN webhook_endpoints e ON e.id = t.endpoint_id
"""

# What has waited for others is due now, if it is the first: one that was taken isn't.
FOLLOW = """
UPDATE webhook_deliveries SET next_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT first.id FROM unnest($1::text[], $2::text[]) AS ended(endpoint, job)
    CROSS JOIN LATERAL (
        SELECT id, attempts - attempts_before AS calls FROM webhook_deliveries d
        WHERE d.endpoint_id = ended.endpoint AND d.job_id = ended.job
          AND d.state = 'PENDING' AND d.is_ordered
        ORDER BY version LIMIT 1) first
    WHERE first.calls = 0))
"""

GIVE_BACK = """
UPDATE webhook_deliveries d SET attempts = d.attempts - 1, next_at = clock_timestamp()
FROM unnest($1::text[], $2::int[]) AS g(id, number)
WHERE d.id = g.id AND d.state = 'PENDING' AND d.attempts = g.number
"""

# An attempt says why. What has waited for its dispatcher alone has not expired: only the receivers
# of $1 count, which were tried meanwhile.
EXPIRE = """
WITH expired AS (
    UPDATE webhook_deliveries
    SET state = 'FAILED', attempts = attempts + 1, next_at = 'infinity',
        ended_at = clock_timestamp()
    WHERE id = ANY(ARRAY(
        SELECT d.id FROM unnest($1::text[]) AS paused(receiver) CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries
            WHERE receiver = paused.receiver AND state = 'PENDING'
              AND next_at < now() - $2::interval
            LIMIT 1000 FOR UPDATE SKIP LOCKED) d))
    RETURNING id, attempts
), attempt AS (
    INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, error)
    SELECT id, attempts, clock_timestamp(), 0, 'not sent: the receiver has failed for too long'
    FROM expired
)
SELECT count(*) FROM expired
"""

# Written by a dispatcher from before there were lines.
NAMELESS = """
SELECT id, url FROM webhook_deliveries WHERE receiver = '' AND state = 'PENDING'
ORDER BY receiver, owner, coalesce(endpoint_id, ''), next_at LIMIT $1
"""
NAME = """
UPDATE webhook_deliveries d SET receiver = n.receiver
FROM unnest($1::text[], $2::text[]) AS n(id, receiver) WHERE d.id = n.id AND d.receiver = ''
"""

LATE = f"""
WITH {_HEADS}
SELECT greatest(0, extract(epoch FROM clock_timestamp() - least(
    (SELECT min(due_at) FROM free),
    (SELECT due_at FROM webhook_events ORDER BY due_at LIMIT 1),
    (SELECT due_at FROM webhook_notices ORDER BY due_at LIMIT 1),
    (SELECT e.at FROM feed_cursors c CROSS JOIN LATERAL (
         SELECT at FROM job_events WHERE (txid, seq) > (c.txid, c.seq)
         ORDER BY txid, seq LIMIT 1) e
     WHERE c.name = 'webhook endpoints'
       AND EXISTS (SELECT FROM webhook_endpoints WHERE disabled_at IS NULL)))))::float8
"""  # noqa: S608 - a part of our own


@dataclass(frozen=True, slots=True)
class Line:
    """The first call to `receiver` that `owner` is owed, or his `endpoint`, is due in so many
    `seconds`. "" for webhooks of jobs."""

    receiver: str
    owner: str
    endpoint: str
    seconds: float

    @property
    def is_ready(self) -> bool:
        return self.seconds <= 0


@dataclass(frozen=True, slots=True)
class Taken:
    """How many were due and were `put_off`, as they wait for others."""

    deliveries: Sequence[Delivery]
    put_off: int


async def due(connection: Connection, passed_over: Collection[str]) -> list[Line]:
    """The lines with due calls, and the one that has the next. Those to receivers that are
    `passed_over` don't count."""
    return [Line(**row) for row in await connection.fetch(DUE, list(passed_over))]


async def take(connection: Connection, hold: timedelta, calls: Mapping[Line, int]) -> Taken:
    """Take due calls, from each line so many at most; nobody else takes them for the time of
    `hold`."""
    lines = list(calls)
    rows = await connection.fetch(
        TAKE,
        hold,
        [line.receiver for line in lines],
        [line.owner for line in lines],
        [line.endpoint for line in lines],
        [calls[line] for line in lines],
    )
    deliveries = [delivery_of(**row) for row in rows if row["id"] is not None]
    return Taken(deliveries, len(rows) - len(deliveries))


async def follow(connection: Connection, ended: Collection[Delivery]) -> None:
    """What waits in order for these is due."""
    endpoints = [delivery.endpoint.id for delivery in ended if delivery.endpoint]
    jobs = [delivery.job_id for delivery in ended if delivery.endpoint]
    await connection.execute(FOLLOW, endpoints, jobs)


async def give_back(connection: Connection, taken: Collection[Delivery]) -> None:
    """They are due as if nobody had taken them."""
    await connection.execute(GIVE_BACK, [d.id for d in taken], [d.attempts for d in taken])


async def expire(connection: Connection, paused: Collection[str], wait: timedelta) -> int:
    """How many calls to these receivers have ended, as they have waited for longer than `wait`."""
    count: int = await connection.fetchval(EXPIRE, list(paused), wait)
    return count


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
