"""What a round of placement looks at: what waits for a node, and what has to leave its own.

Only candidates are found here, without locks: what becomes of each is decided under lock.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from shared.lifecycle import ExecutionRecalled, PlacementFailed, Slots, TaskEvent, TaskReturned
from shared.lifecycle.placed_events import RecallReason
from shared.postgres.pool import Connection
from shared.store.row_values import slots_of

LIMIT = 20_000
"""So many are placed in one round; the rest in the next."""

LOCK_ID = 7_205_759_403_792_794
# One at a time, whoever does it: two would give the same room away.
LOCK = "SELECT pg_advisory_xact_lock($1)"

KEEP_LOCK = "SELECT 1"
NOW = "SELECT clock_timestamp()"

# One that came back rests a moment, lest its node and the scheduler pass it to and fro.
WAITING = f"""
SELECT t.id, t.job_id, t.dispatch, t.parent_id, t.child_index, t.attempt, t.scheduled_at,
       t.deadline_at, t.pinned_to, t.last_return_reason IS NOT NULL AS is_returned,
       t.placement::text AS rules, t.sequence IS NOT NULL AS is_spawned
FROM tasks t
WHERE t.state = 'PENDING' AND t.due_at IS NULL AND t.placement IS NOT NULL AND NOT t.is_held_back
ORDER BY (t.placement -> 'priority')::int DESC, t.scheduled_at, t.child_index LIMIT {LIMIT}
"""  # noqa: S608 - a number of our own

FAILED_ON = """
SELECT w.id, array_agg(DISTINCT f.node_id) AS nodes
FROM unnest($1::text[], $2::text[], $3::int[]) AS w(id, parent_id, child_index)
JOIN tasks f ON f.parent_id = w.parent_id AND f.child_index = w.child_index
    AND f.state = 'FAILED' AND f.node_id IS NOT NULL
GROUP BY w.id
"""

LEFT = """
SELECT id, (children -> 'total')::int - (children -> 'ended')::int FROM tasks
WHERE id = ANY($1::text[]) AND children IS NOT NULL
"""

LIMITS = "SELECT id, slots FROM jobs WHERE id = ANY($1::text[]) AND slots IS NOT NULL"

# Placed tasks of all nodes: which nodes they have executions on, as a number and as a sum, which
# tells whether these are the ones that match.
_NODE = "coalesce(e.node_id, e.pinned_to)"
_IS_ACTIVE = "e.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')"
ON_EVERY_NODE = f"""
SELECT p.id, p.job_id, p.placement::text AS rules, (p.children -> 'total')::int AS total,
       p.started_at + p.queue_timeout AS deadline_at, a.count AS active, a.sum AS active_sum
FROM tasks p, LATERAL (
    SELECT count(*)::int AS count, coalesce(sum(hashtextextended({_NODE}, 0)), 0) AS sum
    FROM tasks e WHERE e.parent_id = p.id AND {_IS_ACTIVE}) AS a
WHERE p.state = 'RUNNING' AND p.kind = 'placed'
  AND (p.placement ->> 'type' = 'daemon'
       OR p.placement ->> 'type' = 'ops' AND (p.children -> 'total')::int = 0)
ORDER BY p.started_at
"""  # noqa: S608 - conditions of our own

HASHES = "SELECT id, hashtextextended(id, 0) FROM unnest($1::text[]) AS n(id)"

# The latest attempt on each of its nodes, whatever has become of it.
ON_NODES = f"""
SELECT DISTINCT ON (1) {_NODE} AS node, e.id, e.job_id, e.dispatch, e.state, e.recall
FROM tasks e WHERE e.parent_id = $1 AND {_NODE} IS NOT NULL
ORDER BY 1, e.created_at DESC, e.attempt DESC
"""  # noqa: S608 - an expression of our own

# Sent to a worker that is no more, and not claimed by it.
LEFT_BEHIND = """
SELECT e.job_id, e.id, e.dispatch, e.node_id FROM tasks e
WHERE e.state = 'SCHEDULED' AND e.queue = '' AND e.placement IS NOT NULL
  AND NOT e.node_id = ANY($1::text[])
ORDER BY e.scheduled_at
"""

# What may run nowhere else, and ends by itself.
PINNED_TO_THE_GONE = """
SELECT e.job_id, e.id, coalesce(n.name, e.pinned_to)
FROM tasks e LEFT JOIN nodes n ON n.id = e.pinned_to
WHERE e.state = 'PENDING' AND e.due_at IS NULL AND e.placement ->> 'type' = 'ops'
  AND NOT e.pinned_to = ANY($1::text[])
"""

# From nodes that drain ($1) and those that have no business here ($2). What ends by itself, and can
# go nowhere else, may end on the first.
TO_LEAVE = """
SELECT e.job_id, e.id, e.dispatch FROM tasks e
WHERE e.placement IS NOT NULL AND e.kind = 'task' AND e.state IN ('SCHEDULED', 'RUNNING')
  AND e.recall IS NULL AND (e.node_id = ANY($1::text[]) OR e.node_id = ANY($2::text[]))
  AND (e.placement ->> 'type' <> 'ops' OR e.node_id = ANY($2::text[]))
"""

TOO_MANY = """
SELECT e.job_id, e.id, e.dispatch FROM tasks p JOIN tasks e ON e.parent_id = p.id
WHERE p.state = 'RUNNING' AND p.kind = 'placed' AND p.placement ->> 'type' IN ('batch', 'service')
  AND e.child_index >= (p.children -> 'total')::int AND e.recall IS DISTINCT FROM 'scale'
  AND e.state IN ('PENDING', 'SCHEDULED', 'RUNNING')
"""

# All that is active of the tasks of which something is of a version before.
OF_OLD_VERSIONS = """
SELECT e.job_id, e.id, e.dispatch, e.parent_id, e.child_index, e.state, e.recall, e.started_at,
       e.spec_version < p.spec_version AS is_old, p.placement::text AS rules
FROM tasks p JOIN tasks e ON e.parent_id = p.id
WHERE p.state = 'RUNNING' AND p.kind = 'placed' AND p.spec_version > 1
  AND e.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
  AND EXISTS (SELECT FROM tasks o WHERE o.parent_id = p.id AND o.spec_version < p.spec_version
              AND o.state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
ORDER BY e.parent_id, e.child_index
"""


class WaitingRow(NamedTuple):
    """An execution without a node; `rules` is its placement as JSON."""

    id: str
    job_id: str
    dispatch: int
    parent_id: str
    child_index: int
    attempt: int
    scheduled_at: datetime
    deadline_at: datetime | None
    pinned_to: str | None
    is_returned: bool
    rules: str
    is_spawned: bool = False


class EveryNodeRow(NamedTuple):
    """A placed task that runs on every node that matches."""

    id: str
    job_id: str
    rules: str
    total: int
    deadline_at: datetime | None
    active: int
    active_sum: Decimal


class OnNodeRow(NamedTuple):
    node: str
    id: str
    job_id: str
    dispatch: int
    state: str
    recall: str | None


class VersionRow(NamedTuple):
    """An active execution of a task of which some are of a version before."""

    job_id: str
    id: str
    dispatch: int
    parent_id: str
    child_index: int
    state: str
    recall: str | None
    started_at: datetime | None
    is_old: bool
    rules: str


async def lock(connection: Connection) -> datetime:
    """Wait for the turn; until the transaction ends no other round begins. The time it is then."""
    await connection.execute(LOCK, LOCK_ID)
    now: datetime = await connection.fetchval(NOW)
    return now


async def keep_lock(connection: Connection) -> None:
    """A transaction that is idle for long would be ended."""
    await connection.execute(KEEP_LOCK)


async def waiting(connection: Connection) -> list[WaitingRow]:
    return [WaitingRow(*row) for row in await connection.fetch(WAITING)]


async def failed_on(
    connection: Connection, rows: Sequence[WaitingRow]
) -> Mapping[str, frozenset[str]]:
    """By execution, the nodes where attempts before it have failed."""
    again = [row for row in rows if row.attempt]
    if not again:
        return {}
    columns = zip(*((row.id, row.parent_id, row.child_index) for row in again), strict=True)
    found = await connection.fetch(FAILED_ON, *map(list, columns))
    return {row["id"]: frozenset(row["nodes"]) for row in found}


async def executions_left(connection: Connection, task_ids: Collection[str]) -> Mapping[str, int]:
    """By placed task, how many of its executions have not ended."""
    return dict(await connection.fetch(LEFT, list(task_ids))) if task_ids else {}


async def limits_of(connection: Connection, job_ids: Collection[str]) -> Mapping[str, Slots]:
    """Of those of the jobs that have some."""
    rows = await connection.fetch(LIMITS, list(job_ids)) if job_ids else []
    return {id_: slots for id_, row in rows if (slots := slots_of(row)) is not None}


async def on_every_node(connection: Connection) -> list[EveryNodeRow]:
    return [EveryNodeRow(*row) for row in await connection.fetch(ON_EVERY_NODE)]


async def hashes(connection: Connection, nodes: Sequence[str]) -> Mapping[str, int]:
    return dict(await connection.fetch(HASHES, nodes))


async def on_nodes(connection: Connection, task_id: str) -> list[OnNodeRow]:
    return [OnNodeRow(*row) for row in await connection.fetch(ON_NODES, task_id)]


async def departures(
    connection: Connection,
    nodes: Collection[str],
    draining: Collection[str],
    closed: Collection[str],
) -> list[TaskEvent]:
    """What has to leave its node, or there is too much of, or has no node of `nodes` to wait for;
    those that drain are `draining`, those that are not members `closed`."""
    left = await connection.fetch(LEFT_BEHIND, list(nodes))
    gone = await connection.fetch(PINNED_TO_THE_GONE, list(nodes))
    leaving = draining or closed
    drained = await connection.fetch(TO_LEAVE, list(draining), list(closed)) if leaving else []
    return [
        *(TaskReturned(row[0], row[1], row[2], row[3], "its worker is gone") for row in left),
        *(PlacementFailed(row[0], row[1], f"node {row[2]} is gone") for row in gone),
        *(_recalled(row, "drain") for row in drained),
        *(_recalled(row, "scale") for row in await connection.fetch(TOO_MANY)),
    ]


def _recalled(row: Sequence[Any], reason: RecallReason) -> ExecutionRecalled:
    job_id, task_id, dispatch = row
    return ExecutionRecalled(job_id, task_id, dispatch, reason)


async def of_old_versions(connection: Connection) -> list[VersionRow]:
    return [VersionRow(*row) for row in await connection.fetch(OF_OLD_VERSIONS)]
