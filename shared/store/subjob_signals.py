"""Between a sub-job and the task that stands for it: each is locked in a transaction of its own.

Were both locked in one, every step of a sub-job would hold up its parent, and the order of locks
would have to follow the family. So they talk by messages, and what a lost message leaves behind is
found again here.
"""

import asyncpg

from shared.lifecycle import (
    CancelContinued,
    ChildrenContinued,
    Event,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
)
from shared.messages import SubJobEnd
from shared.postgres.pool import Connection

LIMIT = 500

# Tasks that wait for a job that is final, gone, or has not heard that it is to go on.
WAITING_IN_VAIN = f"""
SELECT t.job_id, t.id AS task_id, t.dispatch, t.subjob_id, j.state, j.result, j.error,
       j.parent_dispatch
FROM tasks t LEFT JOIN jobs j ON j.id = t.subjob_id
WHERE t.state = 'RUNNING' AND t.kind = 'subjob' AND t.started_at < now() - interval '10 seconds'
  AND (j.id IS NULL OR j.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
       OR j.parent_dispatch < t.dispatch)
ORDER BY t.started_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

# Jobs that nobody waits for any more although somebody did.
ORPHANS = f"""
SELECT j.id, j.parent_dispatch FROM jobs j LEFT JOIN tasks t ON t.id = j.parent_task_id
WHERE j.state IN ('PENDING', 'SCHEDULED', 'RUNNING') AND j.parent_dispatch IS NOT NULL
  AND j.parent_dispatch > 0  -- 0: restarted by itself
  AND coalesce(t.state, 'gone') <> 'RUNNING'
ORDER BY j.created_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own


# Families of whose children some wait and none is active, so that no end of one will have the next
# begin: the message that should have is lost. What runs without a lease is composite.
STALLED = """
SELECT job_id, id FROM tasks
WHERE state = 'RUNNING' AND lease_expires_at IS NULL AND started_at < now() - interval '10 seconds'
  AND (children->>'begun')::int < (children->>'total')::int
  AND (children->>'begun')::int = (children->>'ended')::int
ORDER BY started_at LIMIT 500
"""

# Jobs with tasks that are still to be cancelled. Where the message that does it is only under way,
# a second one does no harm.
CANCELLING = f"SELECT id FROM jobs WHERE is_cancelling LIMIT {LIMIT}"  # noqa: S608 - as above


def subjob_ended(end: SubJobEnd) -> SubJobEnded:
    """What the end of a sub-job is to the task that waits for it."""
    match end.state:
        case "COMPLETED":
            error = None
        case "CANCELLED":
            error = f"sub-job {end.subjob_id} was cancelled"
        case _:
            error = f"sub-job {end.subjob_id} failed: {end.error}"
    return SubJobEnded(end.job_id, end.task_id, end.dispatch, end.result, error)


async def find_lost_signals(connection: Connection) -> list[Event]:
    """What the messages between jobs, and of jobs to themselves, should have brought about."""
    waiting = map(_of_waiting, await connection.fetch(WAITING_IN_VAIN))
    orphans = await connection.fetch(ORPHANS)
    stalled = await connection.fetch(STALLED)
    cancelling = await connection.fetch(CANCELLING)
    return [
        *waiting,
        *(SubJobAbandoned(row["id"], row["parent_dispatch"]) for row in orphans),
        *(ChildrenContinued(row["job_id"], row["id"]) for row in stalled),
        *(CancelContinued(row["id"]) for row in cancelling),
    ]


def _of_waiting(row: asyncpg.Record) -> Event:
    task, subjob_id = (row["job_id"], row["task_id"], row["dispatch"]), row["subjob_id"]
    if row["state"] is None:
        return SubJobEnded(*task, error=f"sub-job {subjob_id} is gone")
    if (row["parent_dispatch"] or 0) < row["dispatch"]:
        return SubJobResumed(subjob_id, row["dispatch"])
    return subjob_ended(SubJobEnd.model_validate(dict(row)))
