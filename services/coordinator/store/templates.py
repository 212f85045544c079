"""What is registered by name and version: pushed, listed, activated, published, deleted.

What `readers` may not see does not exist for them: see `Readers`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from services.coordinator.store.rows import JsonObject, Readers
from shared.jobspec.tags import Tag
from shared.postgres.pool import Connection
from shared.store.templates import COLUMNS, VISIBLE, Kind, Registered, TemplateLanguage, resolve

__all__ = ["Kind", "Registered", "TemplateLanguage", "resolve"]

# Two that take a name at the same time: one is the first.
LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))"

# A name belongs to who has pushed it first: another's newer version would run instead of it.
OF_OTHERS = """
SELECT EXISTS (
    SELECT FROM templates WHERE kind = $1 AND name = $2
      AND owner IS DISTINCT FROM $3 AND NOT ($4::text[] IS NULL OR readers && $4))
"""

PUSH = f"""
INSERT INTO templates (id, kind, name, major, minor, description, document, sealed, schema,
                       is_active, owner, readers, language)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (kind, name, major, minor) DO UPDATE SET
    revision = templates.revision + 1, description = excluded.description,
    document = excluded.document, sealed = excluded.sealed, schema = excluded.schema,
    readers = excluded.readers, language = excluded.language, updated_at = now()
RETURNING {COLUMNS}
"""  # noqa: S608 - columns of our own

_NEWEST = f"""
SELECT DISTINCT ON (kind, name) {COLUMNS}, count(*) OVER (PARTITION BY kind, name) AS versions
FROM templates
WHERE {VISIBLE} AND kind = ANY ($2)
  AND ($3 = '' OR strpos(lower(name), lower($3)) > 0 OR strpos(lower(description), lower($3)) > 0)
ORDER BY kind, name, is_active DESC, major DESC, minor DESC
"""  # noqa: S608 - columns of our own

LIST = f"""
SELECT * FROM ({_NEWEST}) AS newest ORDER BY updated_at DESC, id DESC LIMIT $4 OFFSET $5
"""  # noqa: S608 - texts of our own

COUNT = f"SELECT count(*) FROM ({_NEWEST}) AS newest"  # noqa: S608 - as above

VERSIONS = f"""
SELECT {COLUMNS} FROM templates WHERE {VISIBLE} AND kind = $2 AND name = $3
ORDER BY major DESC, minor DESC
"""  # noqa: S608 - columns of our own

# $3 and $4: which version; NULL for all.
_CHOSEN = """
kind = $1 AND name = $2 AND ($3::int IS NULL OR major = $3) AND ($4::int IS NULL OR minor = $4)
"""

SET_ACTIVE = f"UPDATE templates SET is_active = $5 WHERE {_CHOSEN}"  # noqa: S608 - as above

SET_PUBLIC = f"UPDATE templates SET is_public = $5 WHERE {_CHOSEN}"  # noqa: S608 - as above

# With the keys of their data sources: their owner is the kind and the tag.
DELETE = f"""
WITH deleted AS (DELETE FROM templates WHERE {_CHOSEN} RETURNING kind, name, major, minor)
DELETE FROM stored_secrets s USING deleted d
WHERE s.owner_id = d.kind || ' ' || d.name || '@' || d.major || '.' || d.minor
"""  # noqa: S608 - columns of our own


class NewTemplate(NamedTuple):
    """The parameters of `PUSH`, in its order. `is_active` counts for a new version only."""

    id: str
    kind: Kind
    name: str
    major: int
    minor: int
    description: str
    document: JsonObject
    sealed: str | None
    schema: dict[str, JsonValue]
    is_active: bool
    owner: str | None
    readers: Sequence[str]
    language: TemplateLanguage | None = None


class Listed(NamedTuple):
    """The newest version, and how many there are."""

    newest: Registered
    versions: int


class Wanted(NamedTuple):
    """Which of a list: `text` is in the name or the description."""

    kinds: Sequence[Kind]
    text: str
    limit: int
    offset: int


class OwnedByAnother(Exception):
    """The name is that of somebody else's."""


async def push(connection: Connection, new: NewTemplate, operators: Readers) -> Registered:
    """A new version, or a new revision of it. Raises OwnedByAnother."""
    async with connection.transaction():
        await connection.execute(LOCK_NAME, new.kind, new.name)
        if await connection.fetchval(OF_OTHERS, new.kind, new.name, new.owner, operators):
            raise OwnedByAnother
        return Registered(**await connection.fetchrow(PUSH, *new))


async def listed(
    connection: Connection, wanted: Wanted, readers: Readers
) -> tuple[list[Listed], int]:
    """The last changed first, and how many there are in all."""
    rows = await connection.fetch(LIST, readers, *wanted)
    total = await connection.fetchval(COUNT, readers, wanted.kinds, wanted.text)
    return [_listed(**row) for row in rows], total


def _listed(versions: int, **row: object) -> Listed:
    return Listed(Registered(**row), versions)  # type: ignore[arg-type]  # the columns


async def versions(
    connection: Connection, kind: Kind, name: str, readers: Readers
) -> list[Registered]:
    """The newest first."""
    return [Registered(**row) for row in await connection.fetch(VERSIONS, readers, kind, name)]


async def set_active(connection: Connection, kind: Kind, tag: Tag, *, is_active: bool) -> None:
    await connection.execute(SET_ACTIVE, kind, *tag, is_active)


async def set_public(connection: Connection, kind: Kind, tag: Tag, *, is_public: bool) -> None:
    await connection.execute(SET_PUBLIC, kind, *tag, is_public)


async def delete(connection: Connection, kind: Kind, tag: Tag) -> None:
    """Jobs that were made of it have their own copy."""
    await connection.execute(DELETE, kind, *tag)
