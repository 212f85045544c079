"""Which queues there are: those that workers serve, and those of tasks that wait or run."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from shared.messages.queues import DEFAULT_TASK_QUEUE, is_task_queue
from shared.postgres.pool import Connection

# A node that has been silent for five minutes is no longer of interest.
SERVED = """
SELECT DISTINCT queue FROM nodes WHERE last_heartbeat_at > now() - interval '5 minutes'
"""

# Of those that wait for a worker there may be any number: the index is walked from one queue's
# first to the next's.
OLDEST_BY_QUEUE = """
WITH RECURSIVE waiting AS (
    (SELECT queue, scheduled_at FROM tasks WHERE state = 'SCHEDULED' AND queue > ''
     ORDER BY queue, scheduled_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.scheduled_at FROM waiting w, LATERAL (
        SELECT t.queue, t.scheduled_at FROM tasks t
        WHERE t.state = 'SCHEDULED' AND t.queue > w.queue
        ORDER BY t.queue, t.scheduled_at LIMIT 1) AS n
)
SELECT queue, scheduled_at FROM waiting
"""

RUNNING_BY_QUEUE = "SELECT queue, count(*) AS tasks FROM tasks WHERE state = 'RUNNING' GROUP BY 1"

WITH_RETRIES = "SELECT DISTINCT queue FROM tasks WHERE state = 'PENDING'"

ONLINE = "SELECT queue FROM nodes WHERE status = 'UP'"


async def served(connection: Connection) -> Sequence[str]:
    """The queues of workers that were heard of late, as their settings spell them."""
    return [row["queue"] for row in await connection.fetch(SERVED)]


async def online(connection: Connection) -> Sequence[str]:
    """The queues of each worker that is online, as its settings spell them."""
    return [row["queue"] for row in await connection.fetch(ONLINE)]


async def oldest_by_queue(connection: Connection) -> Mapping[str, datetime]:
    """Since when the oldest task waits, of each queue in which one waits."""
    return dict(await connection.fetch(OLDEST_BY_QUEUE))


async def running_by_queue(connection: Connection) -> Mapping[str, int]:
    return dict(await connection.fetch(RUNNING_BY_QUEUE))


async def with_retries(connection: Connection) -> set[str]:
    """The queues of tasks that wait for their next attempt."""
    return {row["queue"] for row in await connection.fetch(WITH_RETRIES)}


def task_queues(served: Iterable[str], *others: Iterable[str]) -> list[str]:
    """In order: the default one, those of workers as their settings spell them, and `others`."""
    of_workers = (queue.partition(":")[0].strip() for text in served for queue in text.split(","))
    return sorted(filter(is_task_queue, {DEFAULT_TASK_QUEUE, *of_workers, *chain(*others)}))
