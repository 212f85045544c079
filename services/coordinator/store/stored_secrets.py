"""Secrets that are kept apart from jobs. What `readers` may not see does not exist for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import JsonObject, Readers
from shared.postgres.pool import Connection

_COLUMNS = """
SELECT id, kind, name, access_key, sealed, shown_user(created_by) AS created_by,
       coalesce(shown_permissions(permissions), '[]') AS permissions, readers, expires_at,
       coalesce(expires_at <= now(), false) AS is_expired, created_at, updated_at
FROM stored_secrets
"""

ALL = f"{_COLUMNS} WHERE $1::text[] IS NULL OR readers && $1 ORDER BY id"

ONE = f"{_COLUMNS} WHERE id = $1 AND ($2::text[] IS NULL OR readers && $2)"

# Another's is not replaced, and stays its creator's whoever replaces it.
SET = """
INSERT INTO stored_secrets
    (id, kind, name, access_key, sealed, expires_at, permissions, readers, created_by, owner_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11)
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, name = excluded.name, access_key = excluded.access_key,
    sealed = excluded.sealed, expires_at = excluded.expires_at,
    permissions = excluded.permissions, readers = excluded.readers, updated_at = now()
WHERE $10::text[] IS NULL OR stored_secrets.readers && $10
RETURNING id
"""

DELETE = """
DELETE FROM stored_secrets WHERE id = $1 AND ($2::text[] IS NULL OR readers && $2) RETURNING id
"""


DELETE_OWNED = "DELETE FROM stored_secrets WHERE owner_id = $1"


class NewSecret(NamedTuple):
    """The parameters of `SET`, in its order. `operators` are who replaces the one with its id; with
    `owner_id`, a job or a template, it is deleted."""

    id: str
    kind: str
    name: str
    access_key: str | None
    sealed: str
    expires_at: datetime | None
    permissions: Sequence[JsonObject]
    readers: Sequence[str]
    created_by: str | None
    operators: Readers
    owner_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """`sealed` is `{"secret": text}`."""

    id: str
    kind: str
    name: str
    access_key: str | None
    sealed: str = field(repr=False)
    created_by: JsonObject
    permissions: Sequence[JsonObject]
    readers: Sequence[str]
    expires_at: datetime | None
    is_expired: bool
    created_at: datetime
    updated_at: datetime


async def find_all(connection: Connection, readers: Readers) -> list[StoredSecret]:
    return [StoredSecret(**row) for row in await connection.fetch(ALL, readers)]


async def find(connection: Connection, secret_id: str, readers: Readers) -> StoredSecret | None:
    """Also one that has expired."""
    row = await connection.fetchrow(ONE, secret_id, readers)
    return StoredSecret(**row) if row else None


async def put(connection: Connection, new: NewSecret) -> bool:
    """False when there is one with its id that its operators may not replace."""
    return await connection.fetchval(SET, *new) is not None


async def delete(connection: Connection, secret_id: str, operators: Readers) -> bool:
    """Whether there was one that they may delete."""
    return await connection.fetchval(DELETE, secret_id, operators) is not None


async def delete_owned(connection: Connection, owner_id: str) -> None:
    await connection.execute(DELETE_OWNED, owner_id)
