"""Sub-jobs that do not have the priority yet that the job has which waits for them."""

from typing import NamedTuple

from shared.postgres.pool import Connection

_MOST_AT_ONCE = 200

# Nothing waits any more for one that was detached, whose task has completed.
BEHIND = f"""
WITH RECURSIVE waited_for AS (
    SELECT subjob_id AS job_id FROM tasks
    WHERE job_id = $1 AND state = 'RUNNING' AND subjob_id IS NOT NULL
    UNION
    SELECT t.subjob_id FROM waited_for w JOIN tasks t ON t.job_id = w.job_id
    WHERE t.state = 'RUNNING' AND t.subjob_id IS NOT NULL
)
SELECT j.id, top.priority FROM jobs top, waited_for w JOIN jobs j ON j.id = w.job_id
WHERE top.id = $1 AND j.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')
  AND j.priority IS DISTINCT FROM top.priority
LIMIT {_MOST_AT_ONCE}
"""  # noqa: S608 - a number of our own


class Behind(NamedTuple):
    """A sub-job, and the priority that it is to have."""

    job_id: str
    priority: int


async def behind(connection: Connection, job_id: str) -> list[Behind]:
    """Some of those of `job_id`, and theirs, while there are any."""
    return [Behind(*row) for row in await connection.fetch(BEHIND, job_id)]
