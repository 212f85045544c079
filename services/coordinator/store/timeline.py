"""When the attempts of a job waited and ran."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import RUNNING_PHASE, JsonObject
from shared.postgres.pool import Connection

MOST_ATTEMPTS = 20_000

# What ended without a time was cancelled, or ended with what it belongs to.
TIMELINE = f"""
SELECT id, parent_id, name, state, queue, node_id, created_at, scheduled_at, started_at,
       coalesce(completed_at, failed_at) AS ended_at, subjob_id, error,
       CASE WHEN kind = 'task' AND placement IS NOT NULL THEN 'execution' ELSE kind END AS kind,
       position, attempt, {RUNNING_PHASE} AS phase, child_index, exit_code, children, timings
FROM tasks WHERE job_id = $1 ORDER BY position, created_at, child_index, attempt LIMIT $2
"""  # noqa: S608 - columns of our own


class TimelineRow(NamedTuple):
    """An attempt. `children` are the counts of the core."""

    id: str
    parent_id: str | None
    name: str
    state: str
    queue: str
    node_id: str | None
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    subjob_id: str | None
    error: str | None
    kind: str
    position: int
    attempt: int
    phase: str | None
    child_index: int | None
    exit_code: int | None
    children: JsonObject | None
    timings: Sequence[tuple[str, int, int]] | None


async def timeline(connection: Connection, job_id: str) -> Sequence[TimelineRow]:
    """One more than `MOST_ATTEMPTS` where there are more."""
    rows = await connection.fetch(TIMELINE, job_id, MOST_ATTEMPTS + 1)
    return [TimelineRow._make(row) for row in rows]
