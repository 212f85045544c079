"""Users and their roles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.postgres.pool import Connection

ADD_USER = "INSERT INTO users (username, name, password_hash) VALUES ($1, $2, $3)"

LOGIN = """
SELECT u.password_hash,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = u.username) AS roles
FROM users u WHERE u.username = $1
"""

USERS = """
SELECT u.username, u.name, u.created_at,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.username = u.username ORDER BY 1) AS roles
FROM users u ORDER BY u.username
"""

HAS_ADMIN_USER = "SELECT EXISTS (SELECT FROM user_roles WHERE role = 'admin')"

DELETE_USER = "DELETE FROM users WHERE username = $1 RETURNING username"

MISSING_USERS = """
SELECT asked.username FROM unnest($1::text[]) AS asked(username)
LEFT JOIN users u USING (username) WHERE u.username IS NULL
"""

SET_ROLES = """
WITH taken AS (DELETE FROM user_roles WHERE username = $1 AND role <> ALL($2::text[]))
INSERT INTO user_roles (username, role) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Login:
    """What is needed to let a user in."""

    password_hash: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    username: str
    name: str
    created_at: datetime
    roles: Sequence[str]


async def add_user(connection: Connection, username: str, name: str, password_hash: str) -> bool:
    """False when the name is taken."""
    try:
        await connection.execute(ADD_USER, username, name, password_hash)
    except asyncpg.UniqueViolationError:  # asked and answered in one statement
        return False
    return True


async def login(connection: Connection, username: str) -> Login | None:
    row = await connection.fetchrow(LOGIN, username)
    return Login(row["password_hash"], frozenset(row["roles"])) if row else None


async def users(connection: Connection) -> list[UserRow]:
    return [UserRow(**row) for row in await connection.fetch(USERS)]


async def has_admin_user(connection: Connection) -> bool:
    has: bool = await connection.fetchval(HAS_ADMIN_USER)
    return has


async def delete_user(connection: Connection, username: str) -> bool:
    """Whether there was such a user. The keys go, too; the jobs stay."""
    return await connection.fetchval(DELETE_USER, username) is not None


async def missing_users(connection: Connection, usernames: Collection[str]) -> set[str]:
    """Those of `usernames` that nobody has."""
    return {row["username"] for row in await connection.fetch(MISSING_USERS, list(usernames))}


async def set_roles(connection: Connection, username: str, roles: Collection[str]) -> bool:
    """The user has these roles and no others. False when a role or the user does not exist."""
    try:
        await connection.execute(SET_ROLES, username, list(roles))
    except asyncpg.ForeignKeyViolationError:  # as above
        return False
    return True
