"""Uploads as the API keeps them: added once their bytes are in the store, shown, deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import Page, PageRequest
from shared.postgres.pool import Connection

INSERT = """
INSERT INTO uploads (id, name, object, size, sha256, created_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING created_at
"""

ONE = """
SELECT id, name, object, size, sha256, created_at,
       EXISTS (SELECT FROM upload_uses WHERE upload_id = id) AS is_used
FROM uploads WHERE id = $1 AND ($3 OR created_by IS NOT DISTINCT FROM $2)
"""

LIST = """
SELECT id, name, object, size, sha256, created_at,
       EXISTS (SELECT FROM upload_uses WHERE upload_id = id) AS is_used
FROM uploads WHERE created_by IS NOT DISTINCT FROM $1
ORDER BY created_at DESC, id LIMIT $2 OFFSET $3
"""

COUNT = "SELECT count(*) FROM uploads WHERE created_by IS NOT DISTINCT FROM $1"

LOCK = "SELECT FROM uploads WHERE id = $1 FOR UPDATE"

IS_THERE = "SELECT EXISTS (SELECT FROM uploads WHERE id = $1)"

# Seen once it is locked: who submits a job that uses it has it locked before.
DELETE = """
WITH deleted AS (
    DELETE FROM uploads u
    WHERE u.id = $1 AND NOT EXISTS (SELECT FROM upload_uses x WHERE x.upload_id = u.id)
    RETURNING object
)
INSERT INTO object_removals (prefix) SELECT object FROM deleted
ON CONFLICT (prefix) DO UPDATE SET due_at = now()
"""


class NewUpload(NamedTuple):
    """The parameters of `INSERT`, in its order. `object` is `shared.files.names.upload_object`, and
    is in the store already; `created_by` as a job's."""

    id: str
    name: str
    object: str
    size: int
    sha256: str
    created_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """`is_used`: by a job or a schedule. Else it is removed a day after it was made."""

    id: str
    name: str
    object: str
    size: int
    sha256: str
    created_at: datetime
    is_used: bool


async def add(connection: Connection, new: NewUpload) -> UploadRow | None:
    """None where the id is taken."""
    created_at: datetime | None = await connection.fetchval(INSERT, *new)
    if created_at is None:
        return None
    return UploadRow(
        id=new.id,
        name=new.name,
        object=new.object,
        size=new.size,
        sha256=new.sha256,
        created_at=created_at,
        is_used=False,
    )


async def one(
    connection: Connection, upload_id: str, creator: str | None, *, of_anybody: bool = False
) -> UploadRow | None:
    """None when there is none, or somebody else's unless it may be `of_anybody`."""
    row = await connection.fetchrow(ONE, upload_id, creator, of_anybody)
    return UploadRow(**row) if row else None


async def of_creator(
    connection: Connection, creator: str | None, page: PageRequest
) -> Page[UploadRow]:
    """Newest first."""
    rows = await connection.fetch(LIST, creator, page.size, page.offset)
    total = await connection.fetchval(COUNT, creator)
    return Page(page, [UploadRow(**row) for row in rows], total)


async def delete(connection: Connection, upload_id: str) -> bool:
    """False while a job or schedule uses it. Its object is removed soon after."""
    async with connection.transaction():
        await connection.execute(LOCK, upload_id)
        await connection.execute(DELETE, upload_id)
        return not await connection.fetchval(IS_THERE, upload_id)
