"""Users, roles and API keys: of keys the digests, never the keys."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from shared.postgres.pool import Connection

# Nobody is called as somebody else but for the case of letters. What jobs name the new user by is
# nobody's: who is deleted leaves nothing to whoever gets the name later.
ADD_USER = """
INSERT INTO users (username, name, password_hash, disabled, identity)
SELECT $1, $2, $3, $4, $1 || '~' || left(gen_random_uuid()::text, 8)
WHERE NOT EXISTS (SELECT FROM users WHERE lower(username) = lower($1))
RETURNING username, identity, name, created_at, disabled, '{}'::text[] AS roles
"""

# Of two that differ in case alone, made long ago, it is the one that is spelled so.
NAMED = """
SELECT asked.name, u.username, coalesce(u.identity, u.username) AS identity
FROM unnest($1::text[]) AS asked(name)
CROSS JOIN LATERAL (SELECT * FROM users WHERE lower(username) = lower(asked.name)
                    ORDER BY username = asked.name DESC LIMIT 1) AS u
"""

LOGIN = """
SELECT u.username, coalesce(u.identity, u.username) AS identity, u.password_hash,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = u.username) AS roles
FROM users u WHERE lower(u.username) = lower($1) AND NOT u.disabled
ORDER BY u.username = $1 DESC LIMIT 1
"""

USERS = """
SELECT u.username, coalesce(u.identity, u.username) AS identity, u.name, u.created_at, u.disabled,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = u.username ORDER BY 1) AS roles
FROM users u ORDER BY u.username
"""

CHANGE_HASH = """
UPDATE users SET password_hash = $2 WHERE coalesce(identity, username) = $1 RETURNING username
"""

# Both ways: a sign-in that had compared the password when its user was disabled has a session,
# which must not be valid again once the user is enabled.
CHANGE_USER = """
WITH before AS (SELECT username, disabled FROM users WHERE username = $1 FOR UPDATE),
ended AS (
    DELETE FROM sessions s USING before b
    WHERE b.disabled <> $3
      AND (s.username = b.username
           OR s.key_id IN (SELECT id FROM api_keys k WHERE k.username = b.username))
)
UPDATE users u SET name = coalesce($2, u.name), disabled = coalesce($3::boolean, u.disabled)
FROM before b WHERE u.username = b.username
RETURNING u.username, coalesce(u.identity, u.username) AS identity, u.name, u.created_at,
          u.disabled,
          ARRAY(SELECT r.role FROM user_roles r WHERE r.username = u.username ORDER BY 1) AS roles
"""

HAS_ADMIN_USER = "SELECT EXISTS (SELECT FROM user_roles WHERE role = 'admin')"

# Nobody is told any more of what the user could read.
DELETE_USER = """
WITH deleted AS (
    DELETE FROM users WHERE username = $1
    RETURNING username, coalesce(identity, username) AS identity
), disabled AS (
    UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'its creator was deleted'
    WHERE created_by IN (SELECT identity FROM deleted) AND disabled_at IS NULL
)
SELECT username FROM deleted
"""

SET_ROLES = """
WITH taken AS (DELETE FROM user_roles WHERE username = $1 AND role <> ALL($2::text[]))
INSERT INTO user_roles (username, role) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Login:
    """What is needed to let a user in."""

    username: str
    identity: str
    password_hash: str
    roles: frozenset[str]


class NamedUser(NamedTuple):
    """`username` as it was given first; `identity` is what jobs and schedules name the user by."""

    username: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    username: str
    identity: str
    name: str
    created_at: datetime
    disabled: bool
    roles: Sequence[str]


class NewUserRow(NamedTuple):
    """The parameters of `ADD_USER`, in its order."""

    username: str
    name: str
    password_hash: str
    disabled: bool = False


async def add_user(connection: Connection, user: NewUserRow) -> UserRow | None:
    """None when the name is taken."""
    try:
        row = await connection.fetchrow(ADD_USER, *user)
    except asyncpg.UniqueViolationError:  # by another at this moment
        return None
    return UserRow(**row) if row else None


async def login(connection: Connection, username: str) -> Login | None:
    row = await connection.fetchrow(LOGIN, username)
    if row is None:
        return None
    return Login(row["username"], row["identity"], row["password_hash"], frozenset(row["roles"]))


async def users_named(connection: Connection, names: Collection[str]) -> dict[str, NamedUser]:
    """By each of `names`, in whatever case it is spelled; without those that nobody has."""
    rows = await connection.fetch(NAMED, list(names))
    return {row["name"]: NamedUser(row["username"], row["identity"]) for row in rows}


async def set_password(connection: Connection, identity: str, password_hash: str) -> bool:
    """Whether there is such a user."""
    return await connection.fetchval(CHANGE_HASH, identity, password_hash) is not None


async def change_user(
    connection: Connection, username: str, name: str | None, *, disabled: bool | None
) -> UserRow | None:
    """With None for what stays as it is. Who is disabled or enabled has no session any more. None
    when there is no such user."""
    row = await connection.fetchrow(CHANGE_USER, username, name, disabled)
    return UserRow(**row) if row else None


async def users(connection: Connection) -> list[UserRow]:
    return [UserRow(**row) for row in await connection.fetch(USERS)]


async def has_admin_user(connection: Connection) -> bool:
    has: bool = await connection.fetchval(HAS_ADMIN_USER)
    return has


async def delete_user(connection: Connection, username: str) -> bool:
    """Whether there was such a user. The keys go, too; the jobs stay."""
    return await connection.fetchval(DELETE_USER, username) is not None


async def set_roles(connection: Connection, username: str, roles: Collection[str]) -> bool:
    """The user has these roles and no others. False when a role or the user does not exist."""
    try:
        await connection.execute(SET_ROLES, username, list(roles))
    except asyncpg.ForeignKeyViolationError:  # as above
        return False
    return True


ADD_ROLE = """
INSERT INTO roles (slug, name)
SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM roles WHERE lower(slug) = lower($1)) RETURNING slug
"""

ROLES = "SELECT slug, name, created_at FROM roles ORDER BY slug"

ROLES_NAMED = """
SELECT asked.slug AS asked, r.slug FROM unnest($1::text[]) AS asked(slug)
CROSS JOIN LATERAL (SELECT slug FROM roles WHERE lower(roles.slug) = lower(asked.slug)
                    ORDER BY roles.slug = asked.slug DESC LIMIT 1) AS r
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow:
    slug: str
    name: str
    created_at: datetime


async def add_role(connection: Connection, slug: str, name: str) -> bool:
    """False when the slug is taken."""
    try:
        return await connection.fetchval(ADD_ROLE, slug, name) is not None
    except asyncpg.UniqueViolationError:  # by another at this moment
        return False


async def roles(connection: Connection) -> list[RoleRow]:
    return [RoleRow(**row) for row in await connection.fetch(ROLES)]


async def roles_named(connection: Connection, slugs: Collection[str]) -> dict[str, str]:
    """By each of `slugs`, in whatever case it is spelled, the role's own; without those of none."""
    rows = await connection.fetch(ROLES_NAMED, list(slugs))
    return {row["asked"]: row["slug"] for row in rows}


ADD_KEY = """
INSERT INTO api_keys (id, name, digest, scopes, username, expires_at)
VALUES ($1, $2, $3, $4, $5, least(now() + $6::interval, $7::timestamptz))
RETURNING id, name, scopes, username AS user, created_at, expires_at, last_used_at
"""

VALID_KEY = """
SELECT k.name, k.digest, k.scopes, k.username, coalesce(u.identity, u.username) AS identity,
       k.expires_at,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = k.username) AS roles,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS use_is_news
FROM api_keys k LEFT JOIN users u USING (username)
WHERE k.id = $1 AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.disabled IS NOT TRUE
"""

KEY_WAS_USED = "UPDATE api_keys SET last_used_at = now() WHERE id = $1"

KEYS = """
SELECT id, name, scopes, username AS user, created_at, expires_at, last_used_at
FROM api_keys WHERE $1::text IS NULL OR username = $1 ORDER BY created_at DESC, id
"""

# The endpoints of a key that is a user's are the user's.
DELETE_KEY = """
WITH deleted AS (
    DELETE FROM api_keys WHERE id = $1 AND ($2::text IS NULL OR username = $2) RETURNING id
), disabled AS (
    UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'its key was revoked'
    WHERE created_by IN (SELECT 'key:' || id FROM deleted) AND disabled_at IS NULL
)
SELECT id FROM deleted
"""

HAS_ADMIN_KEY = """
SELECT EXISTS (SELECT FROM api_keys
               WHERE 'admin' = ANY(scopes) AND (expires_at IS NULL OR expires_at > now()))
"""


class NewKey(NamedTuple):
    """The parameters of `ADD_KEY`, in its order.

    Ends `expires_in` from now, but not after `latest_end` (aware); None sets no bound.
    """

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
    """What is needed to let a key in. `identity` and `roles` are its owner's."""

    name: str
    digest: bytes
    scopes: Collection[str]
    username: str | None
    identity: str | None
    expires_at: datetime | None
    roles: Collection[str]
    use_is_news: bool


async def add_key(connection: Connection, key: NewKey) -> KeyRow | None:
    """None when the user does not exist."""
    try:
        row = await connection.fetchrow(ADD_KEY, *key)
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
    return [KeyRow(**row) for row in await connection.fetch(KEYS, username)]


async def delete_key(connection: Connection, key_id: str, username: str | None) -> bool:
    """Whether there was such a key; with `username` only one of that user's."""
    return await connection.fetchval(DELETE_KEY, key_id, username) is not None


async def has_admin_key(connection: Connection) -> bool:
    has: bool = await connection.fetchval(HAS_ADMIN_KEY)
    return has
