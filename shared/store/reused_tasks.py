"""Completed tasks that did the same work as one that is to begin."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.messages import KeptArtifact
from shared.postgres.pool import Connection

DID_THE_SAME = """tasks t JOIN jobs j ON j.id = t.job_id
    WHERE t.fingerprint = w.fingerprint AND t.state = 'COMPLETED'
      AND j.created_by IS NOT DISTINCT FROM w.owner
      AND (j.delete_at IS NULL OR j.delete_at > now())"""
IS_BANNED = """EXISTS (SELECT FROM job_fingerprints f
                      WHERE f.job_id = j.id AND f.banned_at IS NOT NULL)"""
IS_OUTDATED = """EXISTS (SELECT FROM image_digests i
                      WHERE i.name = t.definition ->> 'image' AND i.digest <> t.image_digest)"""

# The oldest for each. What it has kept must be there, by the names that its definition has; it is
# not deleted before this transaction ends.
REUSABLE = f"""
SELECT w.fingerprint, w.owner, found.* FROM unnest($1::text[], $2::text[]) AS w(fingerprint, owner),
LATERAL (
    SELECT t.id, t.result, t.exit_code FROM {DID_THE_SAME}
      AND NOT {IS_BANNED}
      AND NOT {IS_OUTDATED}
      AND NOT EXISTS (
          SELECT FROM jsonb_path_query(t.definition, '$.artifacts[*].name') AS named(name)
          WHERE NOT EXISTS (SELECT FROM artifacts a
                            WHERE a.task_id = t.id AND a.name = named.name #>> '{{}}'))
      AND (NOT t.definition ? 'bundle' OR EXISTS (
          SELECT FROM artifacts a
          WHERE a.task_id = t.id AND a.name = t.definition ->> 'bundle'))
    ORDER BY t.completed_at LIMIT 1 FOR KEY SHARE OF t) AS found
"""  # noqa: S608 - texts of our own

KEPT = """
SELECT task_id, name, object, file_name, size, sha256, files, mode, published, chunks FROM artifacts
WHERE task_id = ANY($1::text[])
"""


class WantedTask(NamedTuple):
    """What a task of `owner` has as its fingerprint."""

    fingerprint: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class DoneTask:
    """How it ended, and what it has kept, as objects that are named a second time."""

    id: str
    result: str | None
    exit_code: int | None
    kept: Sequence[KeptArtifact] = ()

    @property
    def kept_bytes(self) -> int:
        return sum(each.size for each in self.kept)


async def reusable_tasks(
    connection: Connection, wanted: Collection[WantedTask]
) -> dict[WantedTask, DoneTask]:
    fingerprints, owners = [each.fingerprint for each in wanted], [each.owner for each in wanted]
    rows = await connection.fetch(REUSABLE, fingerprints, owners)
    kept: dict[str, list[KeptArtifact]] = {row["id"]: [] for row in rows}
    for row in await connection.fetch(KEPT, list(kept)) if kept else []:
        task_id, *fields = row.values()
        kept[task_id].append(KeptArtifact(**dict(zip(list(row.keys())[1:], fields, strict=True))))
    return {
        WantedTask(row["fingerprint"], row["owner"]): DoneTask(
            row["id"], row["result"], row["exit_code"], kept[row["id"]]
        )
        for row in rows
    }
