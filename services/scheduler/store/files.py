"""What is to be removed from the store of files, and what of it a row still names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.files.archives import index_name
from shared.postgres.pool import Connection, rows_touched

CLAIM_SECONDS = 300
UPLOADS_AT_ONCE = 500

# Whoever claims has so long; then another may begin anew.
CLAIM = f"""
UPDATE object_removals SET due_at = now() + interval '{CLAIM_SECONDS} seconds'
WHERE prefix = ANY(ARRAY(
    SELECT prefix FROM object_removals WHERE due_at <= now()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING prefix, due_at, created_at + interval '1 day' <= now() AS is_last
"""  # noqa: S608 - a number of our own

# Only while the claim lasts, and unless it was asked for anew meanwhile.
PUT_OFF = "UPDATE object_removals SET due_at = now() + $3 WHERE prefix = $1 AND due_at = $2"

COME_AGAIN = """
UPDATE object_removals SET due_at = created_at + interval '1 day' WHERE prefix = $1 AND due_at = $2
"""

FORGET = "DELETE FROM object_removals WHERE prefix = $1 AND due_at = $2"

# The second part of the name of an artifact is the attempt. While a job ($4)
# is active, an attempt at one of its tasks may be about to report what it has kept. Once it has
# ended, what was listed before is reported or never will be: a restart makes new attempts.
UNNAMED = """
SELECT o.name FROM unnest($1::text[], $2::text[], $3::text[]) AS o(name, indexed, task_id)
WHERE NOT EXISTS (SELECT FROM artifacts a
                  WHERE a.task_id = o.task_id AND a.object IN (o.name, o.indexed))
  AND NOT EXISTS (SELECT FROM artifacts a  -- of tasks that ended as that one had
                  WHERE split_part(a.object, '/', 2) <> a.task_id
                    AND a.object IN (o.name, o.indexed))
  AND NOT EXISTS (SELECT FROM uploads u WHERE u.object = o.name)
  AND NOT EXISTS (SELECT FROM jobs
                  WHERE id = $4 AND state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
"""

BEGIN_SWEEP = "UPDATE file_sweeps SET began_at = now() WHERE began_at <= now() - $1::interval"

# Locked first: who begins to use one of them has it locked before, and is then seen.
LOCK_UNUSED = f"""
SELECT id FROM uploads u
WHERE created_at < now() - $1::interval
  AND NOT EXISTS (SELECT FROM upload_uses x WHERE x.upload_id = u.id)
ORDER BY created_at LIMIT {UPLOADS_AT_ONCE} FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - a number of our own

DELETE_UNUSED = """
WITH deleted AS (
    DELETE FROM uploads u
    WHERE id = ANY($1::text[])
      AND NOT EXISTS (SELECT FROM upload_uses x WHERE x.upload_id = u.id)
    RETURNING object
)
INSERT INTO object_removals (prefix) SELECT object FROM deleted
ON CONFLICT (prefix) DO UPDATE SET due_at = now(), created_at = now()
"""


# With what led to it: nothing of such a job is delivered elsewhere.
DELETE_OF_BUCKETS = """
WITH ended AS (
    SELECT j.id FROM job_identities i
    JOIN jobs j ON j.id = i.job_id
    JOIN job_versions v ON v.job_id = j.id AND v.version = j.spec_version
    WHERE i.language = 'bytenite' AND j.completed_at < now() - $1::interval
      AND v.document #>> '{dataDestination,dataSourceDescriptor}' = 'bucket'
      AND EXISTS (SELECT FROM artifacts a WHERE a.job_id = j.id)
), deleted AS (
    DELETE FROM artifacts WHERE job_id IN (SELECT id FROM ended)
)
INSERT INTO object_removals (prefix) SELECT id || '/' FROM ended
ON CONFLICT (prefix) DO UPDATE SET due_at = now(), created_at = now()
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A removal that is this scheduler's until `due_at`. `is_last`: nothing can come any more."""

    prefix: str
    due_at: datetime
    is_last: bool


async def claim(connection: Connection, count: int) -> list[Claimed]:
    return [Claimed(**row) for row in await connection.fetch(CLAIM, count)]


async def put_off(connection: Connection, claimed: Claimed, delay: timedelta) -> None:
    await connection.execute(PUT_OFF, claimed.prefix, claimed.due_at, delay)


async def end(connection: Connection, claimed: Claimed) -> None:
    """Nothing is left to remove, for now or for good."""
    statement = FORGET if claimed.is_last else COME_AGAIN
    await connection.execute(statement, claimed.prefix, claimed.due_at)


async def unnamed(connection: Connection, prefix: str, names: Sequence[str]) -> list[str]:
    """Those objects, which were listed by `prefix`, that are no artifact, no index of one, and no
    upload. None if the prefix is that of a whole job that is active."""
    indexed = [name.removesuffix(index_name("")) for name in names]
    tasks = [name.split("/", 2)[1] if "/" in name else "" for name in names]
    rows = await connection.fetch(UNNAMED, names, indexed, tasks, prefix.rstrip("/"))
    return [row["name"] for row in rows]


async def begin_sweep(connection: Connection, interval: timedelta) -> bool:
    """Whether it is time, and no other scheduler has begun."""
    return rows_touched(await connection.execute(BEGIN_SWEEP, interval)) == 1


async def delete_unused_uploads(connection: Connection, age: timedelta) -> int:
    """Some of those that old; their objects are removed after."""
    async with connection.transaction():
        ids = [row["id"] for row in await connection.fetch(LOCK_UNUSED, age)]
        return rows_touched(await connection.execute(DELETE_UNUSED, ids)) if ids else 0


async def delete_of_buckets(connection: Connection, age: timedelta) -> int:
    """What jobs have delivered to temporary buckets, that long after their end; of how many jobs.
    The objects are removed after."""
    return rows_touched(await connection.execute(DELETE_OF_BUCKETS, age))
