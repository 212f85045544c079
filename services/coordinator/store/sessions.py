"""The sessions of the page, and access tokens: of their tokens the digests, never the tokens."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import asyncpg

from shared.postgres.pool import Connection

# The one that is unused for longest makes room.
ADD_SESSION = """
WITH ended AS (
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions
        WHERE username IS NOT DISTINCT FROM $3 AND key_id IS NOT DISTINCT FROM $4
          AND is_renewed = $8
        ORDER BY ends_at DESC, id OFFSET $7::integer - 1)
)
INSERT INTO sessions (id, digest, username, key_id, ends_at, is_renewed)
VALUES ($1, $2, $3, $4, now() + least($5::interval, $6::interval), $8)
"""

OPEN_SESSION = """
SELECT digest, username, key_id,
       is_renewed AND ends_at < least(created_at + $2::interval,
                                      now() + $3::interval - interval '1 minute') AS use_is_news
FROM sessions WHERE id = $1 AND ends_at > now()
"""

SESSION_WAS_USED = """
UPDATE sessions SET ends_at = least(created_at + $2::interval, now() + $3::interval) WHERE id = $1
"""

DELETE_SESSION = "DELETE FROM sessions WHERE id = $1"


class SessionLimits(NamedTuple):
    """How long a session lasts, used or not, and how many there may be of each holder. One that is
    not `renewed` by its use ends when it was said at its beginning."""

    longest: timedelta
    longest_idle: timedelta
    most: int
    is_renewed: bool = True


class NewSession(NamedTuple):
    """Of a user, of a key, or with neither of the operator."""

    id: str
    digest: bytes
    username: str | None
    key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    digest: bytes
    username: str | None
    key_id: str | None
    use_is_news: bool


async def add_session(connection: Connection, new: NewSession, limits: SessionLimits) -> bool:
    """False when the user or the key has just been deleted."""
    try:
        await connection.execute(ADD_SESSION, *new, *limits)
    except asyncpg.ForeignKeyViolationError:  # asked and answered in one statement
        return False
    return True


async def open_session(
    connection: Connection, session_id: str, limits: SessionLimits
) -> OpenSession | None:
    row = await connection.fetchrow(OPEN_SESSION, session_id, limits.longest, limits.longest_idle)
    return OpenSession(**row) if row else None


async def session_was_used(connection: Connection, session_id: str, limits: SessionLimits) -> None:
    await connection.execute(SESSION_WAS_USED, session_id, limits.longest, limits.longest_idle)


async def delete_session(connection: Connection, session_id: str) -> None:
    await connection.execute(DELETE_SESSION, session_id)
