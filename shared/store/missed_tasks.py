"""What tasks come nearest to that are to run: a task that did the same work, or one at their place
in the job before."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.definition import Encoded
from shared.postgres.pool import Connection
from shared.store.reused_tasks import DID_THE_SAME, IS_BANNED, IS_OUTDATED, WantedTask

_MOST_JOBS = 20
"""Of an owner, the newest, that are looked at for one of the same name."""

# The newest for each.
SAME = f"""
SELECT w.fingerprint, w.owner, found.* FROM unnest($1::text[], $2::text[]) AS w(fingerprint, owner),
LATERAL (
    SELECT t.id, {IS_OUTDATED} AS is_outdated, {IS_BANNED} AS is_banned
    FROM {DID_THE_SAME}
    ORDER BY t.completed_at DESC LIMIT 1) AS found
"""  # noqa: S608 - texts of our own

# In the last job of the same name that has ended. A child is found through its parent: all children
# have the position of their job's own task. Where nobody is known, the jobs of all are looked at.
NEAR = f"""
WITH earlier AS MATERIALIZED (
    SELECT w.job_id, found.id
    FROM unnest($1::text[], $2::text[], $3::text[]) AS w(job_id, owner, name), LATERAL (
        SELECT e.id FROM (
            (SELECT j.id, j.name, j.state, j.created_at FROM jobs j
             WHERE lower(split_part(j.created_by, '~', 1)) = lower(split_part(w.owner, '~', 1))
               AND j.created_by = w.owner AND j.id <> w.job_id
             ORDER BY j.created_at DESC LIMIT {_MOST_JOBS})
            UNION ALL
            (SELECT j.id, j.name, j.state, j.created_at FROM jobs j
             WHERE w.owner IS NULL AND j.id <> w.job_id
             ORDER BY j.created_at DESC LIMIT {_MOST_JOBS})) AS e
        WHERE e.name = w.name AND e.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
        ORDER BY e.created_at DESC LIMIT 1) AS found)
SELECT w.task_id, near.id, near.definition
FROM unnest($4::text[], $5::text[], $6::int[], $7::int[])
         AS w(task_id, job_id, position, child_index)
JOIN earlier USING (job_id), LATERAL (
    SELECT t.id, t.definition FROM tasks t
    WHERE w.child_index IS NULL AND t.job_id = earlier.id AND t.position = w.position
      AND t.parent_id IS NULL AND t.fingerprint IS NOT NULL AND t.state = 'COMPLETED'
    UNION ALL
    SELECT t.id, t.definition FROM tasks p JOIN tasks t ON t.parent_id = p.id
    WHERE p.job_id = earlier.id AND p.position = w.position AND p.parent_id IS NULL
      AND p.kind <> 'task' AND t.child_index = w.child_index
      AND t.fingerprint IS NOT NULL AND t.state = 'COMPLETED'
    LIMIT 1) AS near
"""  # noqa: S608 - a number of our own


class MissedTask(NamedTuple):
    """A task that nothing was found for. `child_index` None: it is in its job's own list."""

    wanted: WantedTask
    task_id: str
    job_id: str
    job_name: str
    position: int
    child_index: int | None


@dataclass(frozen=True, slots=True)
class NearTask:
    """It did the same work, or has the `definition`. It `is_outdated` if the name of its image
    refers to another image by now, and `is_banned` with its job."""

    id: str
    did_the_same: bool
    is_outdated: bool = False
    is_banned: bool = False
    definition: Encoded = field(default_factory=dict)


async def nearest_tasks(
    connection: Connection, missed: Collection[MissedTask]
) -> dict[str, NearTask]:
    """By the ids of those that are missed."""
    wanted = {each.wanted for each in missed}
    marks, owners = [each.fingerprint for each in wanted], [each.owner for each in wanted]
    same = {
        WantedTask(row["fingerprint"], row["owner"]): NearTask(
            row["id"], True, row["is_outdated"], row["is_banned"]
        )
        for row in await connection.fetch(SAME, marks, owners)
    }
    found = {each.task_id: same[each.wanted] for each in missed if each.wanted in same}
    left = [each for each in missed if each.wanted not in same]
    return found | (await _near(connection, left) if left else {})


async def _near(connection: Connection, missed: Collection[MissedTask]) -> dict[str, NearTask]:
    jobs = {each.job_id: (each.wanted.owner, each.job_name) for each in missed}
    rows = await connection.fetch(
        NEAR,
        list(jobs),
        [owner for owner, _ in jobs.values()],
        [name for _, name in jobs.values()],
        [each.task_id for each in missed],
        [each.job_id for each in missed],
        [each.position for each in missed],
        [each.child_index for each in missed],
    )
    return {
        row["task_id"]: NearTask(row["id"], False, definition=row["definition"]) for row in rows
    }
