"""The leases of running tasks, renewed or given up: the one write to a task that decides nothing.

It moves no state. It lengthens a lease whose dispatch still runs on the node that asks, and notes
its phase, or ends that of a node which is known to be dead, so it goes round `apply` and takes no
job's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.broker.protocol import Outgoing
from shared.lifecycle import LeaseExpired, StopTask
from shared.messages import TaskRef
from shared.postgres.pool import Connection, rows_touched
from shared.store.outbox import OutboxRow
from shared.store.outgoing import messages_for
from shared.store.writing import Writes, write

# Rows that a batch has locked are passed over: they are being decided on, and the next heartbeat
# comes long before the lease ends. Waiting for them could deadlock with that batch. Not FOR UPDATE:
# that is kept off by every log part that is being stored, and a busy log would cost the lease.
# The phase costs no write of its own: the row is written for its lease.
RENEW = """
WITH renewed AS (
    SELECT t.id, b.lease, b.phase
    FROM unnest($1::text[], $2::int[], $3::text[], $4::interval[], $5::text[])
         AS b(task_id, dispatch, node_id, lease, phase)
    JOIN tasks t ON t.id = b.task_id AND t.dispatch = b.dispatch AND t.node_id = b.node_id
    WHERE t.state = 'RUNNING'
    FOR NO KEY UPDATE OF t SKIP LOCKED
)
UPDATE tasks t
SET lease_expires_at = clock_timestamp() + r.lease, phase = r.phase, phase_dispatch = t.dispatch
FROM renewed r WHERE t.id = r.id
"""

END_OF_NODES = """
WITH ended AS (
    SELECT id FROM tasks
    WHERE state = 'RUNNING' AND lease_expires_at IS NOT NULL AND node_id = ANY($1::text[])
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE tasks t SET lease_expires_at = now() FROM ended WHERE t.id = ended.id
RETURNING t.job_id, t.id, t.dispatch
"""

# What a worker has in hand and should not: cancelled, timed out, given to another. SCHEDULED is a
# claim on its way.
_ENDED_AS_ORDERED = ("CANCELLED", "FAILED")
"""In these states nobody else runs it."""
SUPERSEDED = """
SELECT b.job_id, b.task_id, b.dispatch, b.node_id, coalesce(t.state, 'gone') AS state
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[])
     AS b(job_id, task_id, dispatch, node_id)
LEFT JOIN tasks t ON t.id = b.task_id
WHERE NOT coalesce(
    t.dispatch = b.dispatch
    AND (t.state = 'SCHEDULED' OR (t.state = 'RUNNING' AND t.node_id = b.node_id)), false)
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A dispatch that `node_id` says it has in hand, and in which phase it is."""

    ref: TaskRef
    node_id: str
    lease: timedelta
    phase: str | None = None


async def renew(connection: Connection, held: Sequence[Held]) -> tuple[int, list[StopTask]]:
    """Renew what still runs there: how many leases were; and the stop orders for what does not."""
    if not held:
        return 0, []
    tasks = [h.ref.task_id for h in held]
    dispatches = [h.ref.dispatch for h in held]
    nodes = [h.node_id for h in held]
    leases, phases = [h.lease for h in held], [h.phase for h in held]
    done = await connection.execute(RENEW, tasks, dispatches, nodes, leases, phases)
    jobs = [h.ref.job_id for h in held]
    rows = await connection.fetch(SUPERSEDED, jobs, tasks, dispatches, nodes)
    stops = [
        StopTask(
            *(r["job_id"], r["task_id"], r["dispatch"], r["node_id"]),
            f"task is {r['state']}",
            at_once=r["state"] not in _ENDED_AS_ORDERED,
        )
        for r in rows
    ]
    return rows_touched(done), stops


async def renew_or_stop(
    connection: Connection, held: Sequence[Held], answers: Sequence[Outgoing] = ()
) -> tuple[int, list[OutboxRow]]:
    """In a transaction: `renew`, and write its orders beside `answers`.

    How many leases were renewed, and what must now be sent.
    """
    renewed, stops = await renew(connection, held)
    messages = [*messages_for(stops), *answers]
    return renewed, await write(connection, Writes(messages=messages)) if messages else []


async def end_of_nodes(connection: Connection, nodes: Sequence[str]) -> list[LeaseExpired]:
    """End the leases of all that runs on `nodes`, which are dead; what is to be decided of it."""
    rows = await connection.fetch(END_OF_NODES, nodes)
    return [LeaseExpired(row["job_id"], row["id"], row["dispatch"]) for row in rows]
