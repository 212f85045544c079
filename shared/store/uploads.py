"""Which uploads jobs and schedules may use, and that they use them: what is used is not removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.jobspec.problems import InvalidJob, Problem
from shared.planning.new_job import NewJob
from shared.postgres.pool import Connection

# Those that may be used are locked: nobody removes them before this transaction has said so.
UNUSABLE = """
SELECT w.owner_id, w.name
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
     AS w(owner_id, name, upload_id, created_by, lender_id)
LEFT JOIN LATERAL (
    SELECT u.id FROM uploads u
    WHERE u.id = w.upload_id
      AND (u.created_by IS NOT DISTINCT FROM w.created_by
           OR EXISTS (SELECT FROM upload_uses x
                      WHERE x.upload_id = u.id AND x.owner_id = w.lender_id))
    FOR KEY SHARE) AS usable ON true
WHERE usable.id IS NULL
ORDER BY w.owner_id, w.name
"""

RELEASE = "DELETE FROM upload_uses WHERE owner_id = $1 AND upload_id <> ALL($2::text[])"

USE = """
INSERT INTO upload_uses (upload_id, owner_id) SELECT DISTINCT upload_id, $1
FROM unnest($2::text[]) AS u(upload_id)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class WantedUploads:
    """What a job or schedule names, ids by names. It may use what its creator has sent, and what
    the job or schedule `lender_id` uses."""

    owner_id: str
    ids: Mapping[str, str]
    created_by: str | None
    lender_id: str | None = None


def wanted_by(new: NewJob) -> WantedUploads:
    lender_id = new.lender_id or new.schedule_id
    return WantedUploads(new.job.id, new.definition.uploads, new.created_by, lender_id)


async def unusable_uploads(
    connection: Connection, wanted: Sequence[WantedUploads]
) -> dict[str, list[str]]:
    """By owner, the names of those uploads that it may not use. No other is removed before the
    transaction ends."""
    rows = [
        (each.owner_id, name, upload_id, each.created_by, each.lender_id)
        for each in wanted
        for name, upload_id in each.ids.items()
    ]
    found: dict[str, list[str]] = {}
    if rows:
        for row in await connection.fetch(UNUSABLE, *map(list, zip(*rows, strict=True))):
            found.setdefault(row["owner_id"], []).append(row["name"])
    return found


async def use_uploads(connection: Connection, wanted: WantedUploads) -> None:
    """These and no others from now on. Raises InvalidJob."""
    await require_usable(connection, wanted)
    ids = list(wanted.ids.values())
    await connection.execute(RELEASE, wanted.owner_id, ids)
    if ids:
        await connection.execute(USE, wanted.owner_id, ids)


async def require_usable(connection: Connection, wanted: WantedUploads) -> None:
    """Raises InvalidJob."""
    unusable = await unusable_uploads(connection, [wanted])
    if wanted.owner_id in unusable:
        raise not_usable(wanted.ids, unusable[wanted.owner_id])


def not_usable(ids: Mapping[str, str], names: Sequence[str]) -> InvalidJob:
    rule = "the upload {!r} does not exist, or is not yours"
    return InvalidJob(
        [
            Problem(f"uploads.{name}", rule.format(ids[name]), place=("uploads", name))
            for name in names
        ]
    )
