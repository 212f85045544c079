"""The graphs of stored jobs: which tasks may be sent, and which a finished one sets free.

The counts in `job_tasks` are kept under their job's lock. Each finished task touches its own
dependents and no others.
"""

from collections.abc import Sequence

from shared.lifecycle import PlanDependents
from shared.postgres.pool import Connection

READY = """
SELECT job_id, position FROM job_tasks
WHERE job_id = ANY($1::text[]) AND waiting_for = 0 AND NOT is_done ORDER BY job_id, position
"""

RELEASE = """
WITH done AS (
    UPDATE job_tasks t SET is_done = true
    FROM unnest($1::text[], $2::int[]) AS d(job_id, position)
    WHERE t.job_id = d.job_id AND t.position = d.position
), released AS (
    UPDATE job_tasks t SET waiting_for = t.waiting_for - n.count
    FROM (SELECT n.job_id, n.position, count(*)::int AS count
          FROM unnest($1::text[], $2::int[]) AS d(job_id, position)
          JOIN job_needs n ON n.job_id = d.job_id AND n.needed = d.position
          GROUP BY n.job_id, n.position) n
    WHERE t.job_id = n.job_id AND t.position = n.position
    RETURNING t.job_id, t.position, t.waiting_for
)
SELECT job_id, position FROM released WHERE waiting_for = 0 ORDER BY job_id, position
"""

Place = tuple[str, int]
"""A job's id and a position in its list."""


async def ready(connection: Connection, job_ids: Sequence[str]) -> list[Place]:
    """All that wait for no other and are not done."""
    rows = await connection.fetch(READY, list(job_ids)) if job_ids else []
    return [(row["job_id"], row["position"]) for row in rows]


async def release(connection: Connection, ended: Sequence[PlanDependents]) -> list[Place]:
    """The tasks that waited for these alone; these are marked as done."""
    if not ended:
        return []
    rows = await connection.fetch(RELEASE, [e.job_id for e in ended], [e.position for e in ended])
    return [(row["job_id"], row["position"]) for row in rows]
