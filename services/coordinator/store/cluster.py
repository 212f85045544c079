"""Totals of the whole system."""

from services.coordinator.store.rows import Totals
from shared.postgres.pool import Connection

TOTALS = """
SELECT (SELECT count(*) FROM jobs WHERE state = 'RUNNING') AS running_jobs,
       (SELECT count(*) FROM tasks WHERE state = 'RUNNING') AS running_tasks,
       count(*) AS online_nodes,
       coalesce(avg(cpu_percent), 0)::float8 AS cpu_percent
FROM nodes WHERE status = 'UP' AND last_heartbeat_at > now() - interval '5 minutes'
"""


async def totals(connection: Connection) -> Totals:
    return Totals(**await connection.fetchrow(TOTALS))
