"""Webhook endpoints as the API keeps them: created, shown, changed, deleted.

What `readers` may not see does not exist for them: see `Readers`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import JsonObject, Page, PageRequest, Readers
from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Connection
from shared.store.idempotency import store_keys
from shared.store.webhook_deliveries import PORTION, end_deliveries

# Two that are created at the same time count each other.
LOCK_CREATION = "SELECT pg_advisory_xact_lock(hashtext('webhook_endpoints'))"

COUNT_OF_CREATOR = """
SELECT count(*) FROM webhook_endpoints WHERE created_by IS NOT DISTINCT FROM $1::text
"""

INSERT = """
INSERT INTO webhook_endpoints
    (id, description, url, receiver, events, filter, tags, headers, format, payload,
     rate_per_second, retry_on, ordered, disabled_at, disabled_reason, secrets, created_by,
     readers, hears, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
        CASE WHEN $14 THEN now() END, CASE WHEN $14 THEN $15 END, $16, $17, $18, $19, now(), now())
"""

_COLUMNS = """
SELECT id, description, url, receiver, events, filter, tags, headers, format, payload,
       rate_per_second, retry_on, ordered, disabled_at, disabled_reason, secrets, failing_since,
       shown_user(created_by) AS created_by, created_at, updated_at,
       (SELECT jsonb_build_object('id', d.id, 'state', d.state, 'createdAt', to_char(
            d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        FROM webhook_deliveries d WHERE d.endpoint_id = webhook_endpoints.id
        ORDER BY d.created_at DESC LIMIT 1) AS last_delivery
FROM webhook_endpoints
"""

LIST = f"""
{_COLUMNS} WHERE $1::text[] IS NULL OR readers && $1
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""

COUNT = "SELECT count(*) FROM webhook_endpoints WHERE $1::text[] IS NULL OR readers && $1"

ONE = f"{_COLUMNS} WHERE id = $1 AND ($2::text[] IS NULL OR readers && $2)"

LOCKED = f"{_COLUMNS} WHERE id = $1 FOR UPDATE"

# Enabled again, it begins anew: what it failed at before counts no more.
UPDATE = """
UPDATE webhook_endpoints SET
    description = $2, url = $3, receiver = $4, events = $5, filter = $6, tags = $7, headers = $8,
    format = $9, payload = $10, rate_per_second = $11, retry_on = $12, ordered = $13,
    disabled_at = CASE WHEN $14 THEN coalesce(disabled_at, now()) END,
    disabled_reason = CASE WHEN $14 THEN coalesce(disabled_reason, $15) END,
    failing_since = CASE WHEN $14 OR disabled_at IS NULL THEN failing_since END,
    failing_told_at = CASE WHEN $14 OR disabled_at IS NULL THEN failing_told_at END,
    hears_since = CASE WHEN $14 OR disabled_at IS NULL THEN hears_since ELSE now() END,
    updated_at = now()
WHERE id = $1
"""

# What is owed goes where the endpoint is now: a portion after the other, the oldest first. The URL
# is read from the endpoint, so that of two changes at once the last one counts.
MOVE_DELIVERIES = f"""
WITH moved AS (
    UPDATE webhook_deliveries d SET url = e.url, receiver = e.receiver
    FROM webhook_endpoints e CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries
        WHERE endpoint_id = e.id AND state = 'PENDING' AND url <> e.url
          AND created_at >= coalesce($2, '-infinity'::timestamptz)
        ORDER BY created_at LIMIT {PORTION}) owed
    WHERE e.id = $1 AND d.id = owed.id
    RETURNING d.created_at
)
SELECT CASE WHEN count(*) = {PORTION} THEN max(created_at) END FROM moved
"""  # noqa: S608 - a number of our own

SET_SECRETS = "UPDATE webhook_endpoints SET secrets = $2, updated_at = now() WHERE id = $1"

# A portion after the other.
DELETE_DELIVERIES = f"""
DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 LIMIT {PORTION}))
RETURNING id
"""  # noqa: S608 - a number of our own

DELETE = "DELETE FROM webhook_endpoints WHERE id = $1 RETURNING id"

DISABLED_BY_REQUEST = "by request"


class EndpointFields(NamedTuple):
    """What a client decides of an endpoint; parameters of `INSERT` and `UPDATE`, in their order.

    `url` and the values of `headers` are sealed.
    """

    description: str
    url: str
    receiver: str
    events: Sequence[str]
    filter: str | None
    tags: Sequence[str]
    headers: Mapping[str, str]
    format: str
    payload: str
    rate_per_second: float | None
    retry_on: Sequence[int]
    ordered: bool
    disabled: bool
    disabled_reason: str = DISABLED_BY_REQUEST


Secret = dict[str, str | None]
"""`secret`, sealed, and until when requests are signed with it: `endsAt`, None for the present one,
which is the first of an endpoint's."""


class NewEndpoint(NamedTuple):
    """All that `INSERT` takes. `hears` are the readers of whom a job must have one; None: all."""

    id: str
    fields: EndpointFields
    secrets: Sequence[Secret]
    created_by: str | None
    readers: Sequence[str]
    hears: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """`url` and the values of `headers` are sealed."""

    id: str
    description: str
    url: str
    receiver: str
    events: Sequence[str]
    filter: str | None
    tags: Sequence[str]
    headers: dict[str, str]
    format: str
    payload: str
    rate_per_second: float | None
    retry_on: Sequence[int]
    ordered: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    secrets: Sequence[Secret]
    failing_since: datetime | None
    created_by: JsonObject | None
    created_at: datetime
    updated_at: datetime
    last_delivery: JsonObject | None


class TooManyEndpoints(Exception):
    """The creator has as many as are allowed."""


async def add(
    connection: Connection, new: NewEndpoint, most: int, key: IdempotencyKey | None
) -> bool:
    """False when `key` was used before, and nothing was added. Raises TooManyEndpoints."""
    async with connection.transaction():
        if key is not None and await store_keys(connection, {new.id: key}):
            return False
        await connection.execute(LOCK_CREATION)
        if await connection.fetchval(COUNT_OF_CREATOR, new.created_by) >= most:
            raise TooManyEndpoints
        endpoint_id, fields, *rest = new
        await connection.execute(INSERT, endpoint_id, *fields, *rest)
        return True


async def page(connection: Connection, readers: Readers, request: PageRequest) -> Page[EndpointRow]:
    rows = await connection.fetch(LIST, readers, request.size, request.offset)
    total = await connection.fetchval(COUNT, readers)
    return Page(request, [EndpointRow(**row) for row in rows], total)


async def one(connection: Connection, endpoint_id: str, readers: Readers) -> EndpointRow | None:
    row = await connection.fetchrow(ONE, endpoint_id, readers)
    return EndpointRow(**row) if row else None


async def change(
    connection: Connection,
    endpoint_id: str,
    made_of: Callable[[EndpointRow], Awaitable[EndpointFields]],
) -> EndpointRow | None:
    """It becomes what `made_of` makes of it; what that raises is raised. None: there is none."""
    async with connection.transaction():
        old = await _locked(connection, endpoint_id)
        if old is None:
            return None
        new = await made_of(old)
        await connection.execute(UPDATE, endpoint_id, *new)
        if new.disabled:
            await end_deliveries(connection, [endpoint_id])
        rest = None
        if new.url != old.url:
            rest = await connection.fetchval(MOVE_DELIVERIES, endpoint_id, None)
        changed = await one(connection, endpoint_id, None)
    # Each in a transaction of its own: a long one would hold up the feed.
    while rest is not None:
        rest = await connection.fetchval(MOVE_DELIVERIES, endpoint_id, rest)
    return changed


async def replace_secrets(
    connection: Connection,
    endpoint_id: str,
    made_of: Callable[[EndpointRow], Sequence[Secret]],
) -> EndpointRow | None:
    """As `change`, of the secrets."""
    async with connection.transaction():
        old = await _locked(connection, endpoint_id)
        if old is None:
            return None
        await connection.execute(SET_SECRETS, endpoint_id, made_of(old))
        return await one(connection, endpoint_id, None)


async def _locked(connection: Connection, endpoint_id: str) -> EndpointRow | None:
    row = await connection.fetchrow(LOCKED, endpoint_id)
    return EndpointRow(**row) if row else None


async def delete(connection: Connection, endpoint_id: str) -> bool:
    """Whether there was one. What it is owed goes with it."""
    while await connection.fetch(DELETE_DELIVERIES, endpoint_id):
        pass
    return await connection.fetchval(DELETE, endpoint_id) is not None
