"""The rows of workers: written from their heartbeats, marked when they fall silent."""

from collections.abc import Sequence
from datetime import timedelta

from shared.messages import Heartbeat
from shared.postgres.pool import Connection

# The database's clock says when it was heard.
RECORD = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at,
                   last_heartbeat_at, cpu_percent, task_count, lease)
SELECT node_id, name, hostname, port, version, queue,
       CASE WHEN leaving THEN 'OFFLINE' ELSE 'UP' END, started_at, clock_timestamp(),
       cpu_percent, jsonb_array_length(tasks), make_interval(secs => lease_seconds)
FROM jsonb_to_recordset($1) AS h(
    node_id text, name text, hostname text, port int, version text, queue text, leaving bool,
    started_at timestamptz, cpu_percent float8, tasks jsonb, lease_seconds float8)
ORDER BY node_id
ON CONFLICT (id) DO UPDATE SET status = excluded.status, queue = excluded.queue,
    last_heartbeat_at = excluded.last_heartbeat_at, cpu_percent = excluded.cpu_percent,
    task_count = excluded.task_count, lease = excluded.lease
"""

MARK_SILENT = """
UPDATE nodes SET status = 'OFFLINE', task_count = 0
WHERE status <> 'OFFLINE' AND last_heartbeat_at < now() - lease
RETURNING id
"""

# Those that haven't said goodbye, or have left something running.
UNFINISHED = """
SELECT id FROM nodes WHERE status <> 'OFFLINE'
UNION
SELECT node_id FROM tasks
WHERE state = 'RUNNING' AND lease_expires_at IS NOT NULL AND node_id IS NOT NULL
"""

MARK_GONE = "UPDATE nodes SET status = 'OFFLINE', task_count = 0 WHERE id = ANY($1::text[])"

# One that is not known may be of another system that uses the same engine, alive and well. One that
# has the lease of a task is not gone.
ABANDONED = """
SELECT id FROM unnest($1::text[]) AS s(id)
WHERE EXISTS (SELECT FROM nodes n WHERE n.id = s.id AND n.status <> 'UP')
  AND NOT EXISTS (SELECT FROM tasks t
                  WHERE t.state = 'RUNNING' AND t.lease_expires_at > now() AND t.node_id = s.id)
"""

# Not one that nobody has found silent: the clock may have been set.
FORGET = """
DELETE FROM nodes WHERE status = 'OFFLINE' AND last_heartbeat_at < now() - $1::interval
"""


async def record(connection: Connection, heartbeats: Sequence[Heartbeat]) -> None:
    """Where several are of one worker, the last counts."""
    last = {heartbeat.node_id: heartbeat for heartbeat in heartbeats}
    await connection.execute(RECORD, [h.model_dump(mode="json") for h in last.values()])


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
