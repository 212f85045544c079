"""What is due: tasks whose retry, time-out, lease or message needs looking after.

These queries only find candidates, without locks; the event each becomes is decided under lock by
`apply`, so two schedulers that find the same task do no harm.

The time is now() and not clock_timestamp(): that may change while a query runs, so Postgres would
compare it with each row instead of asking the index.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.lifecycle import (
    DispatchMissing,
    Event,
    JobStartDue,
    JobTimedOut,
    LeaseExpired,
    QueueTimedOut,
    RetryDue,
    SlotCountDue,
    TaskTimedOut,
)
from shared.messages import TaskRef
from shared.postgres.pool import Connection
from shared.store.row_values import slots_of
from shared.store.slot_counts import NO_SLOTS, count_slots

LIMIT = 500

RETRIES = f"""
SELECT job_id, id FROM tasks WHERE state = 'PENDING' AND due_at <= now()
ORDER BY due_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

NEXT_RETRY = """
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM tasks WHERE state = 'PENDING'
"""

# Jobs whose limits hold back tasks that wait for no time. Of more than are looked at together, each
# has its turn by chance.
HOLDING_BACK = f"""
SELECT id, slots, now() FROM jobs
WHERE slots IS NOT NULL AND id = ANY(ARRAY(
    SELECT job_id FROM (
        SELECT DISTINCT job_id FROM tasks
        WHERE is_held_back AND state = 'PENDING' AND due_at IS NULL) AS held_back
    ORDER BY random() LIMIT {LIMIT}))
"""  # noqa: S608 - a number of our own

STARTS = f"""
SELECT id FROM jobs WHERE state = 'PENDING' AND due_at <= now() ORDER BY due_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

NEXT_START = """
SELECT extract(epoch FROM min(due_at) - now())::float8
FROM jobs WHERE state = 'PENDING' AND due_at IS NOT NULL
"""

# The worker ends its task itself at the time-out; this is for one that can't, a little later. The
# first comparison finds them by an index.
TIMED_OUT = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'RUNNING' AND deadline_at < now() - $1::interval
    AND deadline_at < now() - $1::interval
        - interval '1 second' * coalesce((definition #>> '{{grace_period,seconds}}')::float8, 0)
ORDER BY deadline_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

# A task that waits has no lease; its deadline is that of its time in the queue.
QUEUED_TOO_LONG = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'SCHEDULED' AND deadline_at < now()
ORDER BY deadline_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

JOBS_TIMED_OUT = f"""
SELECT id FROM jobs WHERE deadline_at < now() ORDER BY deadline_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

# A worker that is heard renews the leases of all it has in hand. Where one has run out all the
# same, the task has ended on it and its report is lost or lies unread: the worker is asked about
# it, and only where no answer comes for long is the task lost. Nor does silence say for sure that a
# worker is dead or has let go: a scheduler that is frozen may keep its heartbeats from the others,
# while it knows of nothing. So each is asked when its lease is about to run out.
_LONGEST_SILENCE = 3  # leases
_ASK_IN_LAST = 3  # the third of a lease
_IS_HEARD = f"""
coalesce(n.status = 'UP' AND n.last_heartbeat_at > now() - n.lease / 2
         AND t.lease_expires_at > now() - {_LONGEST_SILENCE} * n.lease, false)
"""

LOST = f"""
SELECT t.job_id, t.id, t.dispatch FROM tasks t LEFT JOIN nodes n ON n.id = t.node_id
WHERE t.state = 'RUNNING' AND t.lease_expires_at < now() AND NOT {_IS_HEARD}
ORDER BY t.lease_expires_at LIMIT {LIMIT}
"""  # noqa: S608 - texts of our own

UNCONFIRMED = f"""
SELECT t.node_id, t.job_id, t.id, t.dispatch FROM tasks t LEFT JOIN nodes n ON n.id = t.node_id
WHERE t.state = 'RUNNING'
  AND t.lease_expires_at < now() + (SELECT coalesce(max(lease), '0') FROM nodes) / {_ASK_IN_LAST}
  AND t.lease_expires_at < now() + coalesce(n.lease / {_ASK_IN_LAST}, '1 h')
  AND (t.lease_expires_at >= now() OR {_IS_HEARD})
ORDER BY t.lease_expires_at LIMIT {LIMIT}
"""  # noqa: S608 - texts of our own

KINDS = ("retries", "starts", "timeouts", "leases", "schedules", "messages")

# One look by indexes for which of the other queries would find something: retries, starts and
# schedules until the next look, at $1 from now; time-outs are over $2 after their moment; messages
# that nobody is sending any more.
KINDS_DUE = f"""
SELECT EXISTS (SELECT FROM tasks WHERE state = 'PENDING' AND due_at < now() + $1::interval)
           AS retries,
       EXISTS (SELECT FROM jobs WHERE state = 'PENDING' AND due_at < now() + $1::interval)
           AS starts,
       EXISTS (SELECT FROM tasks WHERE state = 'RUNNING' AND deadline_at < now() - $2::interval)
           OR EXISTS (SELECT FROM tasks WHERE state = 'SCHEDULED' AND deadline_at < now())
           OR EXISTS (SELECT FROM jobs WHERE deadline_at < now()) AS timeouts,
       EXISTS (SELECT FROM tasks WHERE state = 'RUNNING' AND lease_expires_at < now()
               + (SELECT coalesce(max(lease), '0') FROM nodes) / {_ASK_IN_LAST})
           OR EXISTS (SELECT FROM nodes
                      WHERE status <> 'OFFLINE' AND last_heartbeat_at < now() - lease) AS leases,
       EXISTS (SELECT FROM schedules WHERE look_at < now() + $1::interval)
           OR EXISTS (SELECT FROM schedule_ends) AS schedules,
       EXISTS (SELECT FROM outbox WHERE claimed_until < now()) AS messages
"""  # noqa: S608 - a number of our own

WAITING_NODES = """
SELECT DISTINCT node_id FROM tasks
WHERE state = 'SCHEDULED' AND queue = '' AND scheduled_at < $1 AND node_id IS NOT NULL
"""

WAITING_ON_NODES = f"""
SELECT job_id, id, dispatch FROM tasks
WHERE state = 'SCHEDULED' AND queue = '' AND scheduled_at < $1 AND node_id = ANY($2::text[])
ORDER BY scheduled_at LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

BEFORE = "SELECT now() - $1::interval"

# From queue to queue by the index, however many tasks wait in each. Executions of placed tasks have
# none, but a node.
WAITING_QUEUES = """
WITH RECURSIVE queues AS (
    (SELECT queue FROM tasks WHERE state = 'SCHEDULED' AND queue > '' ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT t.queue FROM tasks t WHERE t.state = 'SCHEDULED' AND t.queue > q.queue
            ORDER BY t.queue LIMIT 1)
    FROM queues q WHERE q.queue IS NOT NULL
)
SELECT q.queue FROM queues q
WHERE EXISTS (SELECT FROM tasks t
              WHERE t.state = 'SCHEDULED' AND t.queue = q.queue AND t.scheduled_at < $1)
"""

WAITING = f"""
SELECT t.job_id, t.id, t.dispatch
FROM unnest($2::text[]) AS q(queue), LATERAL (
    SELECT job_id, id, dispatch FROM tasks
    WHERE state = 'SCHEDULED' AND queue = q.queue AND scheduled_at < $1
    ORDER BY scheduled_at LIMIT {LIMIT}) AS t
"""  # noqa: S608 - a number of our own


async def kinds_due(
    connection: Connection, ahead: timedelta, timeout_grace: timedelta
) -> list[str]:
    """Those of `KINDS` of which something is due."""
    row = await connection.fetchrow(KINDS_DUE, ahead, timeout_grace)
    return [kind for kind in KINDS if row[kind]]


async def due_retries(connection: Connection) -> list[RetryDue]:
    return [RetryDue(row["job_id"], row["id"]) for row in await connection.fetch(RETRIES)]


async def seconds_to_next_retry(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_RETRY)
    return seconds


async def due_slot_counts(connection: Connection) -> list[SlotCountDue]:
    """Jobs whose tasks are not as was counted, or begin too late. Services of the version before
    count nothing, so nothing else would ever have those begin that are held back."""
    rows = await connection.fetch(HOLDING_BACK)
    counts = await count_slots(connection, [row["id"] for row in rows]) if rows else {}
    return [
        SlotCountDue(id_)
        for id_, row, now in rows
        if (slots := slots_of(row)) is not None
        and (slots != slots.as_counted(*counts.get(id_, NO_SLOTS)) or slots.to_fill(now))
    ]


async def due_starts(connection: Connection) -> list[JobStartDue]:
    return [JobStartDue(row["id"]) for row in await connection.fetch(STARTS)]


async def seconds_to_next_start(connection: Connection) -> float | None:
    seconds: float | None = await connection.fetchval(NEXT_START)
    return seconds


async def timed_out(connection: Connection, grace: timedelta) -> list[Event]:
    """Tasks that should have ended, or begun, and jobs that should have ended."""
    tasks = await connection.fetch(TIMED_OUT, grace)
    queued = await connection.fetch(QUEUED_TOO_LONG)
    jobs = await connection.fetch(JOBS_TIMED_OUT)
    return [
        *(TaskTimedOut(row["job_id"], row["id"], row["dispatch"]) for row in tasks),
        *(QueueTimedOut(row["job_id"], row["id"], row["dispatch"]) for row in queued),
        *(JobTimedOut(row["id"]) for row in jobs),
    ]


async def lost(connection: Connection) -> list[LeaseExpired]:
    rows = await connection.fetch(LOST)
    return [LeaseExpired(row["job_id"], row["id"], row["dispatch"]) for row in rows]


async def unconfirmed(connection: Connection) -> dict[str, list[TaskRef]]:
    """By worker, what it should have in hand and has not named for long."""
    refs: dict[str, list[TaskRef]] = {}
    for row in await connection.fetch(UNCONFIRMED):
        ref = TaskRef(job_id=row["job_id"], task_id=row["id"], dispatch=row["dispatch"])
        refs.setdefault(row["node_id"], []).append(ref)
    return refs


async def time_before(connection: Connection, age: timedelta) -> datetime:
    """That long ago, by the database's clock."""
    value: datetime = await connection.fetchval(BEFORE, age)
    return value


async def waiting_queues(connection: Connection, before: datetime) -> list[str]:
    """The queues on which tasks wait that were sent before then."""
    return [row["queue"] for row in await connection.fetch(WAITING_QUEUES, before)]


async def waiting(
    connection: Connection, before: datetime, queues: Sequence[str]
) -> list[DispatchMissing]:
    """Tasks of these queues that were sent before then, the oldest; up to `LIMIT` of each."""
    rows = await connection.fetch(WAITING, before, queues)
    return [DispatchMissing(row["job_id"], row["id"], row["dispatch"]) for row in rows]


async def waiting_nodes(connection: Connection, before: datetime) -> list[str]:
    """The nodes to which executions were sent before then that they have not claimed."""
    return [row["node_id"] for row in await connection.fetch(WAITING_NODES, before)]


async def waiting_on_nodes(
    connection: Connection, before: datetime, nodes: Sequence[str]
) -> list[DispatchMissing]:
    """Those executions, the oldest; up to `LIMIT`."""
    rows = await connection.fetch(WAITING_ON_NODES, before, nodes)
    return [DispatchMissing(row["job_id"], row["id"], row["dispatch"]) for row in rows]
