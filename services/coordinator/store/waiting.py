"""What tasks wait for: read when somebody asks, from the rows of tasks and workers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.job_list import Wanted
from services.coordinator.store.rows import (
    LISTED_COLUMNS,
    JsonObject,
    Page,
    Readers,
    SummaryRow,
)
from shared.postgres.pool import Connection

LONGEST_LINE = 1000
"""So many of a queue's oldest tasks are read to say how many are ahead of one."""
_TASKS_OF_A_JOB = 50
_ACTIVE_JOBS = 10_000
_MOST_FOR_NODES = 10_000

_COLUMNS = """
t.id, t.job_id, t.state, t.queue, t.priority, t.attempt, t.scheduled_at, t.due_at,
t.last_return_reason, t.child_index, p.children AS siblings, t.subjob_id, t.parent_id, t.node_id,
t.pinned_to, t.placement::text AS placement, t.name,
CASE WHEN t.is_held_back THEN (SELECT slots FROM jobs WHERE id = t.job_id) END AS slots
"""
# It stands for a job; or is to run on every node that matches, and none has yet.
_WAITS_WHILE_IT_RUNS = """
t.state = 'RUNNING' AND (t.kind = 'subjob' OR t.kind = 'placed'
    AND (t.children -> 'total')::int = 0 AND t.placement ->> 'type' IN ('ops', 'daemon'))
"""

TASKS = f"""
SELECT {_COLUMNS}
FROM tasks t JOIN jobs j ON j.id = t.job_id
LEFT JOIN tasks p ON p.id = t.parent_id
WHERE t.id = ANY($1::text[])
  AND (t.state IN ('CREATED', 'PENDING', 'SCHEDULED') OR {_WAITS_WHILE_IT_RUNS})
  AND j.state IN ('PENDING', 'SCHEDULED', 'RUNNING')
  AND (p.id IS NULL OR p.state = 'RUNNING')
"""  # noqa: S608 - columns of our own

# What of a job waits for a node.
FOR_NODES = f"""
SELECT {_COLUMNS}
FROM tasks t LEFT JOIN tasks p ON p.id = t.parent_id
WHERE t.job_id = $1 AND t.placement IS NOT NULL
  AND (t.state = 'PENDING' AND t.due_at IS NULL AND NOT t.is_held_back OR {_WAITS_WHILE_IT_RUNS})
ORDER BY t.position, t.child_index LIMIT {_MOST_FOR_NODES}
"""  # noqa: S608 - columns of our own

# Of each job of which no worker runs anything.
TASKS_OF_JOBS = f"""
SELECT w.* FROM unnest($1::text[]) AS j(id), LATERAL (
    SELECT {_COLUMNS}
    FROM tasks t LEFT JOIN tasks p ON p.id = t.parent_id
    WHERE t.job_id = j.id AND (t.state IN ('PENDING', 'SCHEDULED') OR {_WAITS_WHILE_IT_RUNS})
    LIMIT {_TASKS_OF_A_JOB}) AS w
WHERE NOT EXISTS (SELECT FROM tasks r
                  WHERE r.job_id = j.id AND r.state = 'RUNNING' AND r.kind = 'task')
"""  # noqa: S608 - columns of our own

NOT_ENTERED = """
SELECT id, due_at FROM jobs
WHERE id = ANY($1::text[]) AND state = 'PENDING' AND (is_held OR due_at IS NOT NULL)
"""

# Of the tasks at positions from $2 to $3.
BEGUN = """
SELECT p.position FROM generate_series($2::int, $3::int) AS p(position)
WHERE EXISTS (SELECT FROM tasks t WHERE t.job_id = $1 AND t.position = p.position)
"""

NEEDED = """
SELECT n.position, array_agg(n.needed ORDER BY n.needed) AS needed
FROM job_needs n JOIN job_tasks t ON t.job_id = n.job_id AND t.position = n.needed
WHERE n.job_id = $1 AND n.position BETWEEN $2 AND $3 AND NOT t.is_done GROUP BY n.position
"""

ONLINE = "SELECT now(), array(SELECT queue FROM nodes WHERE status = 'UP')"

BUSY = """
SELECT t.queue, count(*) AS tasks FROM tasks t JOIN nodes n ON n.id = t.node_id AND n.status = 'UP'
WHERE t.state = 'RUNNING' AND t.queue = ANY($1::text[]) GROUP BY 1
"""

LINES = f"""
SELECT q.queue, o.* FROM unnest($1::text[]) AS q(queue), LATERAL (
    SELECT priority, scheduled_at, coalesce(child_index, 0) FROM tasks
    WHERE state = 'SCHEDULED' AND queue = q.queue
    ORDER BY scheduled_at LIMIT {LONGEST_LINE}) AS o
"""  # noqa: S608 - a number of our own

# The newest of each active state are looked at, so that it takes some ten milliseconds in a flood.
WAITING_JOBS = f"""
WITH active AS MATERIALIZED (
    SELECT a.* FROM unnest('{{PENDING,SCHEDULED,RUNNING}}'::text[]) AS s(state), LATERAL (
        SELECT id, created_at, is_held OR due_at IS NOT NULL AS has_not_entered FROM jobs
        WHERE state = s.state AND ($1::text[] IS NULL OR readers = '{{}}' OR readers && $1)
        ORDER BY created_at DESC, id DESC LIMIT {_ACTIVE_JOBS}) AS a
), found AS MATERIALIZED (
    SELECT a.* FROM active a
    WHERE a.has_not_entered OR EXISTS (SELECT FROM tasks t
                  WHERE t.job_id = a.id AND t.state IN ('PENDING', 'SCHEDULED'))
      AND NOT EXISTS (SELECT FROM tasks t
                      WHERE t.job_id = a.id AND t.state = 'RUNNING' AND t.kind = 'task')
)
SELECT c.total, p.* FROM (SELECT count(*) AS total FROM found) AS c LEFT JOIN LATERAL (
    SELECT {LISTED_COLUMNS}
    FROM (SELECT id FROM found WHERE (created_at, id) < ($4, $5)
          ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3) AS page
    JOIN jobs USING (id)) AS p ON true
ORDER BY p.created_at DESC, p.id DESC
"""  # noqa: S608 - columns of our own


class WaitingTask(NamedTuple):
    """A task that is CREATED, PENDING or SCHEDULED, or stands for a job, or is to run on nodes of
    which none matches. `siblings` are the counts of its parent, `placement` its rules as JSON,
    `slots` the limits of its job where these hold it back."""

    id: str
    job_id: str
    state: str
    queue: str
    priority: int
    attempt: int
    scheduled_at: datetime | None
    due_at: datetime | None
    last_return_reason: str | None
    child_index: int | None
    siblings: JsonObject | None
    subjob_id: str | None
    parent_id: str | None = None
    node_id: str | None = None
    pinned_to: str | None = None
    placement: str | None = None
    name: str = ""
    slots: JsonObject | None = None

    @property
    def waits_for_a_node(self) -> bool:
        is_ready = self.state == "PENDING" and self.due_at is None and self.slots is None
        return self.placement is not None and (is_ready or self.state == "RUNNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What workers do at `now`: `online` has the queues of each, as its settings spell them,
    `busy` the running tasks by queue, `lines` priority, time and index among children of those
    that wait the longest."""

    now: datetime
    online: Sequence[str] = ()
    busy: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, Sequence[tuple[int, datetime, int]]] = field(default_factory=dict)


async def tasks(connection: Connection, ids: Collection[str]) -> list[WaitingTask]:
    """Those of `ids` that wait."""
    return [WaitingTask(*row) for row in await connection.fetch(TASKS, list(ids))]


async def tasks_of_jobs(connection: Connection, job_ids: Collection[str]) -> list[WaitingTask]:
    """Some that wait of each of the jobs of which no worker runs anything."""
    return [WaitingTask(*row) for row in await connection.fetch(TASKS_OF_JOBS, list(job_ids))]


async def not_entered(
    connection: Connection, job_ids: Collection[str]
) -> list[tuple[str, datetime | None]]:
    """Those of the jobs that have not begun to begin: the time when they do, None of a held one."""
    return [(row[0], row[1]) for row in await connection.fetch(NOT_ENTERED, list(job_ids))]


async def for_nodes(connection: Connection, job_id: str) -> list[WaitingTask]:
    """What of the job waits for a node, as far as that is bounded."""
    return [WaitingTask(*row) for row in await connection.fetch(FOR_NODES, job_id)]


async def awaited(
    connection: Connection, job_id: str, first: int, last: int
) -> Mapping[int, Sequence[int]]:
    """The positions that each of the tasks from `first` to `last` waits for, if it has not begun:
    those it needs, in a list the one before."""
    begun = {row["position"] for row in await connection.fetch(BEGUN, job_id, first, last)}
    needed = {
        row["position"]: row["needed"]
        for row in await connection.fetch(NEEDED, job_id, first, last)
    }
    waiting = [position for position in range(max(first, 2), last + 1) if position not in begun]
    return {position: [position - 1] for position in waiting} | needed


async def cluster(connection: Connection, queues: Collection[str]) -> Cluster:
    now, online = await connection.fetchrow(ONLINE)
    names = sorted(queues)
    busy = {row["queue"]: row["tasks"] for row in await connection.fetch(BUSY, names)}
    lines: dict[str, list[tuple[int, datetime, int]]] = {name: [] for name in names}
    for queue, *place in await connection.fetch(LINES, names):
        lines[queue].append(tuple(place))
    return Cluster(now=now, online=online, busy=busy, lines=lines)


async def waiting_jobs(
    connection: Connection, wanted: Wanted, readers: Readers
) -> Page[SummaryRow]:
    """Jobs of which something waits and no worker runs anything, newest first."""
    seen_by = None if readers is None else list(readers)
    page = wanted.page
    rows = await connection.fetch(WAITING_JOBS, seen_by, page.size, page.offset, *wanted.begin)
    found = [SummaryRow(*summary) for _, *summary in rows if summary[0] is not None]
    return Page(page, found, rows[0]["total"])
