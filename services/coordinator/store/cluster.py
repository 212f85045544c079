"""What runs where: nodes, queues in use, totals."""

from collections.abc import Mapping, Sequence

from services.coordinator.store.rows import NodeRow, Totals
from shared.postgres.pool import Connection

# A node that has been silent for five minutes is no longer of interest.
NODES = """
SELECT id, name, hostname, port, version, queue, status, started_at, last_heartbeat_at,
       cpu_percent, task_count
FROM nodes WHERE last_heartbeat_at > now() - interval '5 minutes' ORDER BY name, id
"""

# One branch for each partial index: only tasks that wait or run are looked at. Of those that wait
# for a worker there may be any number: the index is walked from one queue's first to the next's.
QUEUES_OF_TASKS = """
WITH RECURSIVE waiting AS (
    (SELECT queue FROM tasks WHERE state = 'SCHEDULED' ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT t.queue FROM tasks t WHERE t.state = 'SCHEDULED' AND t.queue > w.queue
            ORDER BY t.queue LIMIT 1)
    FROM waiting w WHERE w.queue IS NOT NULL
)
SELECT queue FROM waiting WHERE queue IS NOT NULL
UNION SELECT queue FROM tasks WHERE state = 'RUNNING'
UNION SELECT queue FROM tasks WHERE state = 'PENDING'
"""

RUNNING_BY_QUEUE = "SELECT queue, count(*) AS tasks FROM tasks WHERE state = 'RUNNING' GROUP BY 1"

ONLINE = "SELECT queue FROM nodes WHERE status = 'UP'"

TOTALS = """
SELECT (SELECT count(*) FROM jobs WHERE state = 'RUNNING') AS running_jobs,
       (SELECT count(*) FROM tasks WHERE state = 'RUNNING') AS running_tasks,
       count(*) AS online_nodes,
       coalesce(avg(cpu_percent), 0)::float8 AS cpu_percent
FROM nodes WHERE status = 'UP' AND last_heartbeat_at > now() - interval '5 minutes'
"""


async def nodes(connection: Connection) -> Sequence[NodeRow]:
    return [NodeRow(**row) for row in await connection.fetch(NODES)]


async def online(connection: Connection) -> Sequence[str]:
    """The queues of each worker that is online, as its settings spell them."""
    return [row["queue"] for row in await connection.fetch(ONLINE)]


async def queues_of_tasks(connection: Connection) -> set[str]:
    """The queues of all tasks that wait or run."""
    return {row["queue"] for row in await connection.fetch(QUEUES_OF_TASKS)}


async def running_by_queue(connection: Connection) -> Mapping[str, int]:
    rows = await connection.fetch(RUNNING_BY_QUEUE)
    return {row["queue"]: row["tasks"] for row in rows}


async def totals(connection: Connection) -> Totals:
    return Totals(**await connection.fetchrow(TOTALS))
