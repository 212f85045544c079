"""The rows of workers: written from their heartbeats, marked when they fall silent."""

from collections.abc import Sequence
from datetime import timedelta

from shared.messages import Heartbeat
from shared.postgres.pool import Connection

# One heartbeat may repeat or overtake another; the database's clock says when it was heard.
RECORD = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at,
                   last_heartbeat_at, cpu_percent, task_count, lease)
SELECT DISTINCT ON (id) id, name, hostname, port, version, queue, status, started_at,
       clock_timestamp(), cpu_percent, task_count, lease
FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[], $9::float8[], $10::int[], $11::interval[]) WITH ORDINALITY
     AS h(id, name, hostname, port, version, queue, status, started_at, cpu_percent, task_count,
          lease, place)
ORDER BY id, place DESC
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
    await connection.execute(
        RECORD,
        [h.node_id for h in heartbeats],
        [h.name for h in heartbeats],
        [h.hostname for h in heartbeats],
        [h.port for h in heartbeats],
        [h.version for h in heartbeats],
        [h.queue for h in heartbeats],
        ["OFFLINE" if h.leaving else "UP" for h in heartbeats],
        [h.started_at for h in heartbeats],
        [h.cpu_percent for h in heartbeats],
        [len(h.tasks) for h in heartbeats],
        [timedelta(seconds=h.lease_seconds) for h in heartbeats],
    )


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
