"""Which version of what is registered a tag stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from shared.jobspec.tags import Tag, Version, parse_tag
from shared.postgres.pool import Connection

Kind = Literal["app", "engine", "template", "job"]
TemplateLanguage = Literal["bacalhau"]
Status = Literal["active", "inactive"]

COLUMNS = """
id, kind, name, major, minor, revision, description, document, sealed, schema, is_active, is_public,
owner, readers, created_at, updated_at, language
"""
VISIBLE = "($1::text[] IS NULL OR is_public OR readers = '{}' OR readers && $1)"

# The newest active one, and only where there is none the newest.
RESOLVE = f"""
SELECT {COLUMNS} FROM templates
WHERE {VISIBLE} AND kind = $2 AND name = $3
  AND ($4::int IS NULL OR major = $4) AND ($5::int IS NULL OR minor = $5)
ORDER BY is_active DESC, major DESC, minor DESC LIMIT 1
"""  # noqa: S608 - columns of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One version. `document` comes without what is secret: if anything is, `sealed` has all of it.
    `owner` is as a job's creator; `readers` are those who may see it where it is not public.
    `language` is that of the document of a job, None for our own."""

    id: str
    kind: Kind
    name: str
    major: int
    minor: int
    revision: int
    description: str
    document: dict[str, JsonValue]
    sealed: str | None
    schema: dict[str, JsonValue]
    is_active: bool
    is_public: bool
    owner: str | None
    readers: Sequence[str]
    created_at: datetime
    updated_at: datetime
    language: TemplateLanguage | None

    @property
    def version(self) -> str:
        return str(Version(self.major, self.minor))

    @property
    def tag(self) -> str:
        return str(Tag(self.name, self.major, self.minor))

    @property
    def status(self) -> Status:
        return "active" if self.is_active else "inactive"


async def resolve(
    connection: Connection, kind: Kind, tag: Tag, readers: Sequence[str] | None
) -> Registered | None:
    """The newest active version that `tag` allows; an inactive one only where none is active, so
    that whoever asks can say so. `readers` None sees all."""
    row = await connection.fetchrow(RESOLVE, readers, kind, *tag)
    return Registered(**row) if row else None


async def templates_of(connection: Connection, tags: Mapping[str, str]) -> dict[str, Registered]:
    """What the tags of stored jobs stand for now, by whatever they are named by."""
    found = {
        tag: await resolve(connection, "job", parse_tag(tag), None) for tag in set(tags.values())
    }
    return {name: row for name, tag in tags.items() if (row := found[tag])}
