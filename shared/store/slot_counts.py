"""What counts for the limits of jobs, as the rows of their tasks say."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from shared.postgres.pool import Connection

# As `Task.has_slot`.
_HAS_SLOT = """
    state IN ('SCHEDULED', 'RUNNING')
    OR due_at IS NULL AND NOT is_held_back AND placement IS NOT NULL
       AND NOT coalesce(placement -> 'demand' ? 'min_nodes', false)
"""
COUNT = f"""
SELECT job_id, count(*) FILTER (WHERE {_HAS_SLOT})::int,
       count(*) FILTER (WHERE is_held_back AND state = 'PENDING')::int,
       min(id) FILTER (WHERE is_held_back AND state = 'PENDING' AND due_at IS NOT NULL)
FROM tasks
WHERE job_id = ANY($1::text[]) AND kind = 'task' AND state IN ('PENDING', 'SCHEDULED', 'RUNNING')
GROUP BY job_id
"""  # noqa: S608 - a condition of our own


class SlotCount(NamedTuple):
    """As of `Slots`."""

    active: int
    held_back: int
    next_id: str | None


NO_SLOTS = SlotCount(0, 0, None)


async def count_slots(connection: Connection, job_ids: Collection[str]) -> Mapping[str, SlotCount]:
    """Of those of the jobs of which something is active or held back."""
    rows = await connection.fetch(COUNT, list(job_ids))
    return {job_id: SlotCount(*counts) for job_id, *counts in rows}
