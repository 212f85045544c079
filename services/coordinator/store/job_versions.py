"""What was submitted as each version of a draft, or of a job whose tasks are placed on nodes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from services.coordinator.store.rows import JsonObject, Readers
from shared.postgres.pool import Connection

Language = Literal["bacalhau", "bytenite", "arvados"]

_COLUMNS = """
v.version, v.reason, shown_user(v.created_by) AS created_by, v.created_at,
v.version = j.spec_version AS is_current
"""
_VISIBLE = "v.job_id = $1 AND ($2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2)"

VERSIONS = f"""
SELECT {_COLUMNS} FROM job_versions v JOIN jobs j ON j.id = v.job_id
WHERE {_VISIBLE} ORDER BY v.version DESC
"""  # noqa: S608 - texts of our own

# $3: a version; NULL: the current one.
ONE_VERSION = f"""
SELECT {_COLUMNS}, v.definition, v.sealed, v.document, j.sealed AS sealed_of_job, i.namespace,
       i.name, j.is_held, i.language
FROM job_versions v JOIN jobs j ON j.id = v.job_id
LEFT JOIN job_identities i ON i.job_id = j.id
WHERE {_VISIBLE} AND v.version = coalesce($3::int, j.spec_version)
"""  # noqa: S608 - texts of our own


class VersionRow(NamedTuple):
    """`reason` is why there is this version."""

    version: int
    reason: str
    created_by: JsonObject | None
    created_at: datetime
    is_current: bool


class WholeVersion(NamedTuple):
    """With what was submitted: `definition` in our own language, and `document` in another one, by
    which the job is called `name` in `namespace`: in `language`."""

    version: int
    reason: str
    created_by: JsonObject | None
    created_at: datetime
    is_current: bool
    definition: JsonObject
    sealed: str | None
    document: JsonObject | None
    sealed_of_job: str | None
    namespace: str | None
    name: str | None
    is_held: bool = False
    language: Language | None = None


async def versions_of(
    connection: Connection, job_id: str, readers: Readers
) -> Sequence[VersionRow]:
    """The newest first; none of a job that has no placed tasks, or that is not there."""
    return [VersionRow(*row) for row in await connection.fetch(VERSIONS, job_id, readers)]


async def whole_version(
    connection: Connection, job_id: str, readers: Readers, version: int | None = None
) -> WholeVersion | None:
    row = await connection.fetchrow(ONE_VERSION, job_id, readers, version)
    return WholeVersion(*row) if row else None
