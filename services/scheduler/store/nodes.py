"""The rows of workers: written from their heartbeats, marked when they fall silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.messages import Availability, Heartbeat
from shared.postgres.pool import Connection

# The database's clock says when it was heard. A worker of the version before says nothing of
# itself: nothing is placed on it.
RECORD = """
WITH heard AS (
    SELECT node_id AS id, name, hostname, port, version, queue,
           CASE WHEN leaving THEN 'OFFLINE' ELSE 'UP' END AS status, started_at,
           clock_timestamp() AS last_heartbeat_at, cpu_percent,
           jsonb_array_length(tasks) AS task_count, make_interval(secs => lease_seconds) AS lease,
           coalesce(node -> 'labels', '{}') AS labels,
           ARRAY(SELECT jsonb_array_elements_text(node -> 'engines')) AS engines,
           ARRAY(SELECT jsonb_array_elements_text(node -> 'storages')) AS storages,
           ARRAY(SELECT jsonb_array_elements_text(node -> 'publishers')) AS publishers,
           coalesce(node -> 'capacity', '{}') AS capacity, coalesce(node -> 'gpus', '[]') AS gpus,
           coalesce((node -> 'max_executions')::int, 0) AS max_executions, availability,
           held_until, hold_reason
    FROM jsonb_to_recordset($1) AS h(
        node_id text, name text, hostname text, port int, version text, queue text, leaving bool,
        started_at timestamptz, cpu_percent float8, tasks jsonb, lease_seconds float8, node jsonb,
        availability text, held_until timestamptz, hold_reason text)
), before AS (
    SELECT n.* FROM nodes n JOIN heard USING (id)
), written AS (
    INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at,
                       last_heartbeat_at, cpu_percent, task_count, lease, labels, engines, storages,
                       publishers, capacity, gpus, max_executions, availability, held_until,
                       hold_reason)
    SELECT * FROM heard ORDER BY id
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, queue = excluded.queue,
        last_heartbeat_at = excluded.last_heartbeat_at, cpu_percent = excluded.cpu_percent,
        task_count = excluded.task_count, lease = excluded.lease, labels = excluded.labels,
        engines = excluded.engines, storages = excluded.storages, publishers = excluded.publishers,
        capacity = excluded.capacity, gpus = excluded.gpus,
        max_executions = excluded.max_executions, availability = excluded.availability,
        held_until = excluded.held_until, hold_reason = excluded.hold_reason
), told AS (
    INSERT INTO node_history (name, node_id, event)
    SELECT h.name, h.id, CASE WHEN h.status = 'UP' THEN 'joined' ELSE 'left' END
    FROM heard h LEFT JOIN before b USING (id)
    WHERE coalesce(b.status, 'OFFLINE') <> h.status ORDER BY h.id
)
SELECT h.id, h.name, h.availability AS told, b.id IS NULL AS is_new,
    (b.status, b.availability, b.labels, b.engines, b.storages, b.publishers, b.capacity,
     b.max_executions, b.held_until)
    IS DISTINCT FROM
    (h.status, h.availability, h.labels, h.engines, h.storages, h.publishers, h.capacity,
     h.max_executions, h.held_until) AS is_changed,
    CASE WHEN p.membership <> 'APPROVED' THEN 'rejected' ELSE p.availability END AS wanted
FROM heard h LEFT JOIN before b USING (id) LEFT JOIN node_policies p ON p.name = h.name
"""

# Of those who haven't been seen before: nothing that was said of one is changed.
WELCOME = """
INSERT INTO node_policies (name, membership)
SELECT name, $2 FROM unnest($1::text[]) AS n(name) GROUP BY name ORDER BY name
ON CONFLICT (name) DO NOTHING
"""

MARK_SILENT = """
WITH silent AS (
    UPDATE nodes SET status = 'OFFLINE', task_count = 0
    WHERE status <> 'OFFLINE' AND last_heartbeat_at < now() - lease
    RETURNING id, name
), told AS (INSERT INTO node_history (name, node_id, event) SELECT name, id, 'lost' FROM silent)
SELECT id FROM silent
"""

# Those that haven't said goodbye, or have left something running.
UNFINISHED = """
SELECT id FROM nodes WHERE status <> 'OFFLINE'
UNION
SELECT node_id FROM tasks
WHERE state = 'RUNNING' AND lease_expires_at IS NOT NULL AND node_id IS NOT NULL
"""

# What has said goodbye was not lost.
MARK_GONE = """
WITH gone AS (
    UPDATE nodes SET status = 'OFFLINE', task_count = 0
    WHERE id = ANY($1::text[]) AND status <> 'OFFLINE'
    RETURNING id, name
)
INSERT INTO node_history (name, node_id, event) SELECT name, id, 'lost' FROM gone
"""

# One that is not known may be of another system that uses the same engine, alive and well. One that
# has the lease of a task is not gone.
ABANDONED = """
SELECT id FROM unnest($1::text[]) AS s(id)
WHERE EXISTS (SELECT FROM nodes n WHERE n.id = s.id AND n.status <> 'UP')
  AND NOT EXISTS (SELECT FROM tasks t
                  WHERE t.state = 'RUNNING' AND t.lease_expires_at > now() AND t.node_id = s.id)
"""

# Not one that nobody has found silent: the clock may have been set. What an administrator has said
# stays until it is deleted; the name may come back.
FORGET = """
DELETE FROM nodes WHERE status = 'OFFLINE' AND last_heartbeat_at < now() - $1::interval
"""
FORGET_HISTORY = "DELETE FROM node_history WHERE at < now() - $1::interval"
FORGET_NAMES = """
DELETE FROM node_policies p
WHERE changed_by IS NULL AND changed_at < now() - $1::interval
  AND NOT EXISTS (SELECT FROM nodes n WHERE n.name = p.name)
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a heartbeat has changed. `told` is the availability that the worker knows of, `wanted`
    what it should be, None where nobody has said anything of a worker of this name."""

    id: str
    name: str
    told: Availability
    is_new: bool
    is_changed: bool
    wanted: Availability | None


async def record(connection: Connection, heartbeats: Sequence[Heartbeat]) -> list[Heard]:
    """Where several are of one worker, the last counts."""
    last = {heartbeat.node_id: heartbeat for heartbeat in heartbeats}
    rows = await connection.fetch(RECORD, [h.model_dump(mode="json") for h in last.values()])
    return [Heard(**row) for row in rows]


async def welcome(connection: Connection, names: Sequence[str], membership: str) -> None:
    """Workers of these names were not seen before."""
    await connection.execute(WELCOME, names, membership)


async def mark_silent(connection: Connection) -> list[str]:
    """Mark workers OFFLINE that have been silent for their lease; their ids."""
    return [row["id"] for row in await connection.fetch(MARK_SILENT)]


async def unfinished(connection: Connection) -> list[str]:
    """Workers that are up, or were not when they left something running."""
    return [row["id"] for row in await connection.fetch(UNFINISHED)]


async def mark_gone(connection: Connection, ids: Sequence[str]) -> None:
    await connection.execute(MARK_GONE, ids)


async def abandoned(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Those of `ids` that were workers of ours and are gone."""
    return [row["id"] for row in await connection.fetch(ABANDONED, ids)]


async def forget(connection: Connection, after: timedelta) -> None:
    await connection.execute(FORGET, after)
    await connection.execute(FORGET_NAMES, after)
    await connection.execute(FORGET_HISTORY, after)
