"""The sessions of the page, and access tokens: of their tokens the digests, never the tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from shared.postgres.pool import Connection

# The one that is unused for longest makes room.
ADD_SESSION = """
WITH ended AS (
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions
        WHERE username IS NOT DISTINCT FROM $3 AND key_id IS NOT DISTINCT FROM $4
          AND is_renewed = $9
        ORDER BY ends_at DESC, id OFFSET $8::integer - 1)
)
INSERT INTO sessions (id, digest, username, key_id, client, ends_at, is_renewed)
VALUES ($1, $2, $3, $4, $5, now() + least($6::interval, $7::interval), $9)
"""

OPEN_SESSION = """
SELECT digest, username, key_id,
       is_renewed AND ends_at < least(created_at + $2::interval,
                                      now() + $3::interval - interval '1 minute') AS use_is_news
FROM sessions WHERE id = $1 AND ends_at > now()
"""

SESSION_WAS_USED = """
UPDATE sessions
SET ends_at = least(created_at + $2::interval, now() + $3::interval), used_at = now() WHERE id = $1
"""

DELETE_SESSION = "DELETE FROM sessions WHERE id = $1"

# A user's own and those of their keys; without a user the key's; with neither the operator's.
SESSIONS = """
SELECT s.id, coalesce(s.username, k.username) AS user, s.key_id AS key, s.client, s.created_at,
       s.used_at, s.ends_at, NOT s.is_renewed AS is_access_token
FROM sessions s LEFT JOIN api_keys k ON k.id = s.key_id
WHERE s.ends_at > now()
  AND CASE WHEN $1::text IS NULL
           THEN s.username IS NULL AND s.key_id IS NOT DISTINCT FROM $2::text
           ELSE $1 IN (s.username, k.username) END
ORDER BY s.created_at DESC, s.id
"""

END_SESSIONS = """
DELETE FROM sessions
WHERE CASE WHEN $1::text IS NULL
           THEN username IS NULL AND key_id IS NOT DISTINCT FROM $2::text
           ELSE username = $1 OR key_id IN (SELECT id FROM api_keys WHERE username = $1) END
  AND ($3::text IS NULL OR id = $3)
RETURNING id
"""


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
    client: str | None = None


class Holder(NamedTuple):
    """Whose sessions: those of a user, else those of a key, with neither the operator's."""

    user: str | None
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    id: str
    user: str | None
    key: str | None
    client: str | None
    created_at: datetime
    used_at: datetime | None
    ends_at: datetime
    is_access_token: bool


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


async def sessions_of(connection: Connection, holder: Holder) -> list[SessionRow]:
    """Those that have not ended, newest first."""
    return [SessionRow(**row) for row in await connection.fetch(SESSIONS, *holder)]


async def end_sessions(
    connection: Connection, holder: Holder, session_id: str | None = None
) -> list[str]:
    """The ids of those that were ended: all, or the one if it is the holder's."""
    rows = await connection.fetch(END_SESSIONS, *holder, session_id)
    return [row["id"] for row in rows]
