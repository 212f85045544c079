"""What is due: tasks whose retry, time-out, lease or message needs looking after.

These queries only find candidates, without locks; the event each becomes is decided under lock by
`apply`, so two schedulers that find the same task do no harm.
"""

from datetime import timedelta

from shared.lifecycle import DispatchMissing, LeaseExpired, RetryDue, TaskTimedOut
from shared.postgres.pool import Connection

LIMIT = 500

RETRIES = f"""
SELECT job_id, id FROM tasks WHERE state = 'PENDING' AND due_at <= clock_timestamp()
ORDER BY due_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

NEXT_RETRY = """
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8
FROM tasks WHERE state = 'PENDING'
"""

# The worker ends its task itself at the time-out; this is for one that can't, a little later.
TIMED_OUT = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'RUNNING' AND deadline_at < clock_timestamp() - $1::interval
ORDER BY deadline_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

LOST = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'RUNNING' AND lease_expires_at < clock_timestamp()
ORDER BY lease_expires_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

WAITING_QUEUES = """
SELECT DISTINCT queue FROM tasks
WHERE state = 'SCHEDULED' AND scheduled_at < clock_timestamp() - $1::interval
"""

WAITING = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'SCHEDULED' AND scheduled_at < clock_timestamp() - $1::interval
  AND queue = ANY($2::text[])
ORDER BY scheduled_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own


async def due_retries(connection: Connection) -> list[RetryDue]:
    return [RetryDue(row["job_id"], row["id"]) for row in await connection.fetch(RETRIES)]


async def seconds_to_next_retry(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_RETRY)
    return seconds


async def timed_out(connection: Connection, grace: timedelta) -> list[TaskTimedOut]:
    rows = await connection.fetch(TIMED_OUT, grace)
    return [TaskTimedOut(row["job_id"], row["id"], row["dispatch"]) for row in rows]


async def lost(connection: Connection) -> list[LeaseExpired]:
    rows = await connection.fetch(LOST)
    return [LeaseExpired(row["job_id"], row["id"], row["dispatch"]) for row in rows]


async def waiting_queues(connection: Connection, older_than: timedelta) -> list[str]:
    return [row["queue"] for row in await connection.fetch(WAITING_QUEUES, older_than)]


async def waiting(
    connection: Connection, older_than: timedelta, queues: list[str]
) -> list[DispatchMissing]:
    rows = await connection.fetch(WAITING, older_than, queues)
    return [DispatchMissing(row["job_id"], row["id"], row["dispatch"]) for row in rows]
