"""Workers with what placement knows of them, and what administrators have said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.coordinator.store.rows import Readers
from shared.messages import Availability
from shared.postgres.pool import Connection

Membership = Literal["PENDING", "APPROVED", "REJECTED"]


def _sums(states: str) -> str:
    amounts = ", ".join(
        f"'{name}', coalesce(sum((resources->>'{name}')::bigint) FILTER (WHERE {states}), 0)"
        for name in ("millicpus", "memory", "disk", "gpus")
    )
    return f"jsonb_build_object({amounts})"


# What a worker holds is summed from the rows: what it was given counts before it says so.
NODE_DETAILS = f"""
WITH held AS (
    SELECT node_id, count(*) FILTER (WHERE state = 'RUNNING') AS running,
           count(*) FILTER (WHERE state = 'SCHEDULED') AS queued,
           count(*) FILTER (WHERE placement IS NOT NULL) AS executions,
           {_sums("true")} AS used, {_sums("state = 'SCHEDULED'")} AS asked
    FROM tasks WHERE resources IS NOT NULL AND state IN ('SCHEDULED', 'RUNNING')
    GROUP BY node_id
)
SELECT n.id, n.name, n.hostname, n.port, n.version, n.queue, n.status, n.started_at,
       n.last_heartbeat_at, n.last_heartbeat_at > now() - interval '5 minutes' AS is_recent,
       n.cpu_percent, n.task_count, n.labels, n.engines, n.storages, n.publishers, n.capacity,
       n.gpus, n.max_executions,
       coalesce(p.membership, 'APPROVED') AS membership,
       coalesce(p.availability, 'active') AS availability, p.message, p.changed_by,
       CASE WHEN n.status = 'UP' THEN n.held_until END AS held_until,
       CASE WHEN n.status = 'UP' THEN n.hold_reason END AS hold_reason,
       CASE WHEN p.changed_by IS NOT NULL THEN p.changed_at END AS changed_at,
       coalesce(h.executions, 0) AS executions,
       greatest(h.running, n.task_count, 0) AS running, coalesce(h.queued, 0) AS queued,
       coalesce(h.used, '{{}}') AS used, coalesce(h.asked, '{{}}') AS asked
FROM nodes n LEFT JOIN node_policies p ON p.name = n.name LEFT JOIN held h ON h.node_id = n.id
ORDER BY n.name, n.status <> 'UP', n.id
"""  # noqa: S608 - columns of our own

# What of a worker's tasks the reader may see. Executions wait on no queue of the job's.
TASKS_OF_NODE = """
SELECT t.id, t.job_id, t.name, t.state, t.placement IS NOT NULL AS is_execution, t.recall,
       t.scheduled_at, t.started_at, coalesce(t.resources, '{}') AS resources
FROM (SELECT * FROM tasks WHERE state = 'RUNNING' AND node_id = $1
      UNION ALL
      SELECT * FROM tasks WHERE state = 'SCHEDULED' AND queue = '' AND node_id = $1) t
JOIN jobs j ON j.id = t.job_id
WHERE $2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2
ORDER BY t.scheduled_at, t.id LIMIT 1000
"""

# Locked, so that of two administrators one comes after the other.
MAKE_POLICY = "INSERT INTO node_policies (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"
LOCK_POLICY = "SELECT membership, availability FROM node_policies WHERE name = $1 FOR UPDATE"
SET_POLICY = """
WITH told AS (
    INSERT INTO node_history (name, event, by, message) VALUES ($1, $6, $5, $4)
)
UPDATE node_policies
SET membership = $2, availability = $3, message = $4, changed_by = $5, changed_at = now()
WHERE name = $1
"""
IS_HELD = """
SELECT EXISTS (SELECT FROM nodes WHERE name = $1 AND status = 'UP' AND held_until IS NOT NULL)
"""
ONLINE_OF_NAME = "SELECT id FROM nodes WHERE name = $1 AND status = 'UP'"

# A worker that is up stays: its leases hang on its row.
FORGET_NODE = """
WITH gone AS (DELETE FROM nodes WHERE name = $1 AND status <> 'UP'),
told AS (DELETE FROM node_history WHERE name = $1)
DELETE FROM node_policies WHERE name = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDetails:
    """`used` and `asked` are what its tasks hold, of `capacity`; `asked` is the part of those that
    it has yet to claim. `message` is an administrator's, who is `changed_by`: a user's account or
    `key:id`, "" where nobody is asked."""

    id: str
    name: str
    hostname: str
    port: int
    version: str
    queue: str
    status: str
    started_at: datetime
    last_heartbeat_at: datetime
    is_recent: bool
    cpu_percent: float
    task_count: int
    labels: Mapping[str, str]
    engines: Sequence[str]
    storages: Sequence[str]
    publishers: Sequence[str]
    capacity: Mapping[str, int]
    gpus: Sequence[Mapping[str, Any]]
    max_executions: int
    membership: Membership
    availability: str
    message: str | None
    changed_by: str | None
    changed_at: datetime | None
    held_until: datetime | None
    hold_reason: str | None
    executions: int
    running: int
    queued: int
    used: Mapping[str, int]
    asked: Mapping[str, int]

    @property
    def is_up(self) -> bool:
        return self.status == "UP"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an administrator has said of the workers of a name."""

    membership: Membership
    availability: Literal["active", "cordoned", "draining"]

    @property
    def told(self) -> Availability:
        """What workers are told of it."""
        return self.availability if self.membership == "APPROVED" else "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOfNode:
    id: str
    job_id: str
    name: str
    state: str
    is_execution: bool
    recall: str | None
    scheduled_at: datetime | None
    started_at: datetime | None
    resources: Mapping[str, int]


async def node_details(connection: Connection) -> list[NodeDetails]:
    """All workers that are known, those that have left included."""
    return [NodeDetails(**row) for row in await connection.fetch(NODE_DETAILS)]


async def tasks_of_node(
    connection: Connection, node_id: str, readers: Readers
) -> Sequence[TaskOfNode]:
    """Those that run on it, and those that are placed on it and will."""
    return [TaskOfNode(**row) for row in await connection.fetch(TASKS_OF_NODE, node_id, readers)]


async def lock_policy(connection: Connection, name: str) -> Policy:
    await connection.execute(MAKE_POLICY, name)
    return Policy(**await connection.fetchrow(LOCK_POLICY, name))


async def set_policy(
    connection: Connection, name: str, policy: Policy, message: str | None, by: str, event: str
) -> None:
    """`event` is what its history says of it."""
    columns = policy.membership, policy.availability, message, by, event
    await connection.execute(SET_POLICY, name, *columns)


async def online_of_name(connection: Connection, name: str) -> Sequence[str]:
    return [row["id"] for row in await connection.fetch(ONLINE_OF_NAME, name)]


async def is_held(connection: Connection, name: str) -> bool:
    """Whether a worker of that name is up and on hold."""
    held: bool = await connection.fetchval(IS_HELD, name)
    return held


async def forget_node(connection: Connection, name: str) -> None:
    """What was said of it; and itself, unless it is up."""
    await connection.execute(FORGET_NODE, name)


HISTORY_OF_NODE = """
SELECT at, event, node_id, by, message FROM node_history WHERE name = $1
ORDER BY seq DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEvent:
    """`node_id` is None for what an administrator, `by`, said of all workers of the name."""

    at: datetime
    event: str
    node_id: str | None
    by: str | None
    message: str | None


async def history_of_node(connection: Connection, name: str, most: int) -> list[NodeEvent]:
    """Of all workers of the name, newest first."""
    return [NodeEvent(**row) for row in await connection.fetch(HISTORY_OF_NODE, name, most)]
