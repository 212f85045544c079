"""Endpoints that want something, with what their creators may read now; and what they are owed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.planning.readers import readers
from shared.postgres.pool import Connection

# Of whoever created it: a user with the roles of today, a key without a user, or (null) an operator
# and everybody where nobody is asked. Who is gone, shut out or expired hears nothing.
ENABLED = """
SELECT e.id, e.events, e.filter, e.tags, e.format, e.payload, e.hears_since, e.created_by,
       e.hears IS NULL AND (e.created_by IS NULL OR u.is_admin OR 'admin' = ANY(k.scopes))
       AS hears_all, coalesce(u.roles, '{}') AS roles
FROM webhook_endpoints e
LEFT JOIN LATERAL (
    SELECT ARRAY(SELECT role FROM user_roles r WHERE r.username = u.username) AS roles,
           EXISTS (SELECT FROM user_roles r
                   WHERE r.username = u.username AND r.role = 'admin') AS is_admin
    FROM users u WHERE u.username = split_part(e.created_by, '~', 1) AND NOT u.disabled
                   AND coalesce(u.identity, u.username) = e.created_by) AS u ON true
LEFT JOIN api_keys k ON k.id = substring(e.created_by FROM '^key:(.*)$') AND k.username IS NULL
                    AND (k.expires_at IS NULL OR k.expires_at > now())
WHERE e.disabled_at IS NULL
  AND (e.created_by IS NULL OR u.roles IS NOT NULL OR k.id IS NOT NULL)
"""

# Where it goes is its endpoint's, which is not deleted before this is committed. A body comes once,
# for all who get it; `body` is its number. Its webhook is none in the list of the job.
_ADD = """
WITH endpoint AS (
    SELECT id, url, receiver, ordered, created_by FROM webhook_endpoints
    WHERE id = ANY($1::text[]) AND disabled_at IS NULL ORDER BY id FOR KEY SHARE
), body AS (
    SELECT contents, number FROM unnest($2::bytea[]) WITH ORDINALITY AS b(contents, number)
)
INSERT INTO webhook_deliveries
    (id, job_id, version, webhook, event, endpoint_id, url, receiver, owner, is_ordered, body,
     next_at, created_at)
SELECT d.id, d.job_id, d.version, 2147483647, d.event, e.id, e.url, e.receiver,
       coalesce(e.created_by, ''), e.ordered, b.contents, coalesce($9, clock_timestamp()),
       clock_timestamp()
FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::bigint[])
     AS d(id, job_id, version, event, endpoint_id, body)
JOIN endpoint e ON e.id = d.endpoint_id JOIN body b ON b.number = d.body
"""

ADD = f"{_ADD} ON CONFLICT DO NOTHING RETURNING id"

ADD_LATEST = f"""
{_ADD} ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body
WHERE webhook_deliveries.attempts = 0 AND webhook_deliveries.state = 'PENDING' RETURNING id
"""

NOW = "SELECT clock_timestamp()"

_PORTION = 2_000
"""Of rows in one statement, which has its time-out: many tasks of a job may change at once."""

DISABLE = """
UPDATE webhook_endpoints SET disabled_at = clock_timestamp(), disabled_reason = $2
WHERE id = ANY($1::text[]) AND disabled_at IS NULL
RETURNING id, description, receiver, readers, disabled_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An enabled one, as submitted. It is told of what was decided since `hears_since`. `readers`
    are those of whom a job must have one, unless it has none; None: of all jobs."""

    id: str
    owner: str
    events: Collection[str]
    filter: str | None
    tags: frozenset[str]
    format: str
    payload: str
    hears_since: datetime
    readers: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery to an endpoint: `job_id` is "" for what is no change of a job. `subject` is the id
    of the job or task that it tells of."""

    id: str
    job_id: str
    version: int
    event: str
    endpoint_id: str
    body: bytes
    subject: str = ""


async def enabled(connection: Connection) -> list[Endpoint]:
    return [_endpoint(**row) for row in await connection.fetch(ENABLED)]


def _endpoint(
    *,
    tags: Sequence[str],
    created_by: str | None,
    roles: Sequence[str],
    hears_all: bool,
    **row: Any,  # noqa: ANN401 - the columns, as they are
) -> Endpoint:
    is_key = created_by is not None and created_by.startswith("key:")
    identity = created_by if is_key or created_by is None else f"user:{created_by}"
    seen = None if hears_all else frozenset(readers(identity, roles))
    return Endpoint(owner=created_by or "", tags=frozenset(tags), readers=seen, **row)


async def add(connection: Connection, owed: Sequence[Owed]) -> None:
    """One that is known already stays as it is; of an endpoint that is gone there is none."""
    for start in range(0, len(owed), _PORTION):
        portion = owed[start : start + _PORTION]
        await connection.fetch(ADD, *_arguments(portion, None))


async def add_latest(connection: Connection, owed: Sequence[Owed], due_at: datetime) -> list[Owed]:
    """The same, but they replace what has their ids and wasn't tried yet. Those that did not."""
    rows = await connection.fetch(ADD_LATEST, *_arguments(owed, due_at))
    added = {row["id"] for row in rows}
    return [one for one in owed if one.id not in added]


def _arguments(owed: Sequence[Owed], due_at: datetime | None) -> Sequence[object]:
    bodies = {body: number for number, body in enumerate({o.body: None for o in owed}, start=1)}
    return (
        sorted({o.endpoint_id for o in owed}),
        list(bodies),
        [o.id for o in owed],
        [o.job_id for o in owed],
        [o.version for o in owed],
        [o.event for o in owed],
        [o.endpoint_id for o in owed],
        [bodies[o.body] for o in owed],
        due_at,
    )


async def now(connection: Connection) -> datetime:
    at: datetime = await connection.fetchval(NOW)
    return at


async def disable(
    connection: Connection, ids: Collection[str], reason: str
) -> list[dict[str, Any]]:
    """What may be told of those that were not disabled yet."""
    rows = await connection.fetch(DISABLE, list(ids), reason)
    return [dict(row) for row in rows]
