"""API keys: their digests, never the keys."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from shared.postgres.pool import Connection

ADD_KEY = """
INSERT INTO api_keys (id, name, digest, scopes, username, expires_at)
VALUES ($1, $2, $3, $4, $5, least(now() + $6::interval, $7::timestamptz))
RETURNING id, name, scopes, username AS user, created_at, expires_at, last_used_at
"""

VALID_KEY = """
SELECT k.digest, k.scopes, k.username, k.expires_at,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = k.username) AS roles,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS use_is_news
FROM api_keys k WHERE k.id = $1 AND (k.expires_at IS NULL OR k.expires_at > now())
"""

KEY_WAS_USED = "UPDATE api_keys SET last_used_at = now() WHERE id = $1"

ALL_KEYS = """
SELECT id, name, scopes, username AS user, created_at, expires_at, last_used_at
FROM api_keys ORDER BY created_at DESC, id
"""

KEYS_OF_USER = """
SELECT id, name, scopes, username AS user, created_at, expires_at, last_used_at
FROM api_keys WHERE username = $1 ORDER BY created_at DESC, id
"""

DELETE_KEY = """
DELETE FROM api_keys WHERE id = $1 AND ($2::text IS NULL OR username = $2) RETURNING id
"""

HAS_ADMIN_KEY = """
SELECT EXISTS (SELECT FROM api_keys
               WHERE 'admin' = ANY(scopes) AND (expires_at IS NULL OR expires_at > now()))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Ends `expires_in` from now, but not after `latest_end` (aware); None sets no bound."""

    id: str
    name: str
    digest: bytes
    scopes: Sequence[str]
    username: str | None = None
    expires_in: timedelta | None = None
    latest_end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    id: str
    name: str
    scopes: Sequence[str]
    user: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidKey:
    """What is needed to let a key in. `roles` are its owner's."""

    digest: bytes
    scopes: Collection[str]
    username: str | None
    expires_at: datetime | None
    roles: Collection[str]
    use_is_news: bool


async def add_key(connection: Connection, key: NewKey) -> KeyRow | None:
    """None when the user does not exist."""
    try:
        row = await connection.fetchrow(
            ADD_KEY,
            key.id,
            key.name,
            key.digest,
            list(key.scopes),
            key.username,
            key.expires_in,
            key.latest_end,
        )
    except asyncpg.ForeignKeyViolationError:  # asked and answered in one statement
        return None
    return KeyRow(**row)


async def valid_key(connection: Connection, key_id: str) -> ValidKey | None:
    """None when there is none, or it has ended."""
    row = await connection.fetchrow(VALID_KEY, key_id)
    return ValidKey(**row) if row else None


async def key_was_used(connection: Connection, key_id: str) -> None:
    await connection.execute(KEY_WAS_USED, key_id)


async def keys(connection: Connection, username: str | None) -> list[KeyRow]:
    """Newest first, of one user, or all for None."""
    if username is None:
        rows = await connection.fetch(ALL_KEYS)
    else:
        rows = await connection.fetch(KEYS_OF_USER, username)
    return [KeyRow(**row) for row in rows]


async def delete_key(connection: Connection, key_id: str, username: str | None) -> bool:
    """Whether there was such a key; with `username` only one of that user's."""
    return await connection.fetchval(DELETE_KEY, key_id, username) is not None


async def has_admin_key(connection: Connection) -> bool:
    has: bool = await connection.fetchval(HAS_ADMIN_KEY)
    return has
