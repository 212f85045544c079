"""What has happened since the last sample, counted from the feed, and whose turn it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.postgres.pool import Connection
from shared.store.samples import BOUNDS_SECONDS

# It may also lie ahead: the clock was set back.
IS_DUE = """
SELECT sampled_at NOT BETWEEN clock_timestamp() - $1::interval AND clock_timestamp()
FROM sampling
"""

# Who comes second finds none, whether the first is still at it or not.
TAKE_TURN = """
SELECT txid, greatest(sampled_at, 'epoch') AS sampled_at, clock_timestamp() AS now,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
FROM sampling WHERE sampled_at NOT BETWEEN clock_timestamp() - $1::interval AND clock_timestamp()
FOR UPDATE SKIP LOCKED
"""

MOVE = "UPDATE sampling SET txid = $1, sampled_at = $2"

# Of tasks only those that workers run. A job or task that was deleted meanwhile has left no news.
NEWS = """
WITH news AS MATERIALIZED (
    SELECT e.job_id, c ->> 'task_id' AS task_id, c ->> 'state' AS state,
           (c ->> 'at')::timestamptz AS at, (c -> 'version')::int AS version
    FROM job_events e, jsonb_array_elements(e.changes) AS c
    WHERE e.txid >= $1 AND e.txid < $2 AND NOT c ? 'is_progress'
), of_jobs AS (
    SELECT '' AS queue, CASE n.version WHEN 0 THEN 'SUBMITTED' ELSE n.state END AS state,
           CASE WHEN n.state IN ('COMPLETED', 'FAILED') THEN n.at - CASE j.restarts
               WHEN 0 THEN j.created_at ELSE coalesce(j.run_started_at, j.created_at) END
           END AS took
    FROM news n JOIN jobs j ON j.id = n.job_id WHERE n.task_id IS NULL
), of_tasks AS (
    SELECT t.queue, n.state,
           CASE WHEN n.state = 'RUNNING' THEN n.at - t.scheduled_at END AS took
    FROM news n JOIN tasks t ON t.id = n.task_id AND t.kind = 'task'
    WHERE n.state IN ('SCHEDULED', 'RUNNING', 'COMPLETED', 'FAILED')
)
SELECT is_job, queue, state, bucket, count(*)::int AS changes FROM (
    SELECT is_job, queue, state, CASE WHEN took IS NOT NULL THEN width_bucket(
        greatest(extract(epoch FROM took)::float8, 0), $3::float8[])::text END AS bucket
    FROM (SELECT true AS is_job, * FROM of_jobs
          UNION ALL SELECT false, * FROM of_tasks) AS of_all
) AS counted GROUP BY 1, 2, 3, 4
"""

WORKERS = """
SELECT count(*)::int AS workers, coalesce(avg(cpu_percent), 0)::float8 AS cpu_percent
FROM nodes WHERE status = 'UP'
"""

LOCK = "SELECT clock_timestamp() FROM sampling FOR UPDATE SKIP LOCKED"

FIRST_TO_THIN = """
SELECT least((SELECT min(at) FROM cluster_samples WHERE NOT is_thinned AND at <= $1),
             (SELECT min(at) FROM queue_samples WHERE NOT is_thinned AND at <= $1))
"""
DELETE_CLUSTER = "DELETE FROM cluster_samples WHERE at > $1 AND at <= $2"
DELETE_QUEUES = "DELETE FROM queue_samples WHERE at > $1 AND at <= $2"


class News(NamedTuple):
    """How many changes are alike. `bucket` is that of the time a job took, or that a task had
    waited; None of other changes, and of what was never sent to a queue."""

    is_job: bool
    queue: str
    state: str
    bucket: str | None
    changes: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What is counted lies in the feed from `since` on and before `horizon`; `sampled_at` is when
    the last sample was taken."""

    since: int
    sampled_at: datetime
    now: datetime
    horizon: int


async def is_due(connection: Connection, interval: timedelta) -> bool:
    """Whether the last sample is as old as that."""
    due: bool = await connection.fetchval(IS_DUE, interval)
    return due


async def take_turn(connection: Connection, interval: timedelta) -> Turn | None:
    """For the rest of the transaction; None when another has sampled, or does so now."""
    row = await connection.fetchrow(TAKE_TURN, interval)
    return row and Turn(*row)


async def move(connection: Connection, turn: Turn) -> None:
    """All before its horizon is counted."""
    await connection.execute(MOVE, turn.horizon, turn.now)


async def news(connection: Connection, turn: Turn) -> list[News]:
    rows = await connection.fetch(NEWS, turn.since, turn.horizon, BOUNDS_SECONDS)
    return [News(*row) for row in rows]


async def workers(connection: Connection) -> tuple[int, float]:
    """How many are up, and their mean use of processors in percent."""
    count, cpu_percent = await connection.fetchrow(WORKERS)
    return count, cpu_percent


async def lock(connection: Connection) -> datetime | None:
    """Nobody else samples or thins before the transaction ends. The time; None: another does."""
    now: datetime | None = await connection.fetchval(LOCK)
    return now


async def first_to_thin(connection: Connection, before: datetime) -> datetime | None:
    """The end of the oldest sample that was not thinned, if it was before then."""
    at: datetime | None = await connection.fetchval(FIRST_TO_THIN, before)
    return at


async def delete(connection: Connection, since: datetime, until: datetime) -> None:
    """The samples that ended after `since`, and `until` then."""
    await connection.execute(DELETE_CLUSTER, since, until)
    await connection.execute(DELETE_QUEUES, since, until)
