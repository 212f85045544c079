"""Rows of a job's tasks for pages and scripts: a window of them, and how many are in which state.

There may be 100,000 children. What they are together is counted by walking the index of their
parent; a window of a `parallel` or `each` in its own order is found by the indexes of the children,
and one of those that failed first by the indexes of what failed and what is active.
The tasks of the job's own list stand between their children: those that have some are found by an
index of their own, the others by the gaps between them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.coordinator.store.job_list import PLAN_EACH
from services.coordinator.store.rows import RUNNING_PHASE, JsonObject
from shared.postgres.pool import Connection

Order = Literal["position", "failed-first", "newest"]

# What a window is chosen by.
_FIELDS = """
t.id, t.job_id, t.parent_id, t.child_index, t.position, t.state, t.name, t.kind, t.attempt,
t.created_at, t.placement, t.sequence
"""

ALL = f"SELECT {_FIELDS} FROM tasks t WHERE t.job_id = $1 AND $2::text IS NULL"  # noqa: S608 - columns of our own

CHILDREN = f"SELECT {_FIELDS} FROM tasks t WHERE t.job_id = $1 AND t.parent_id = $2"  # noqa: S608 - columns of our own

# OFFSET 0 has each gap looked up by itself, whatever the planner knows of the job.
TOP_LEVEL = f"""
SELECT {_FIELDS} FROM tasks t
WHERE t.job_id = $1 AND t.parent_id IS NULL AND t.kind <> 'task' AND $2::text IS NULL
UNION ALL
SELECT {_FIELDS}
FROM (SELECT lag(ends.position, 1, 0) OVER (ORDER BY ends.position) AS after,
             ends.position AS before
      FROM (SELECT DISTINCT position FROM tasks
            WHERE job_id = $1 AND parent_id IS NULL AND kind <> 'task'
            UNION ALL SELECT {2**31 - 1}) AS ends) AS gap,
     LATERAL (SELECT * FROM tasks WHERE job_id = $1 AND position > gap.after
                AND position < gap.before AND parent_id IS NULL OFFSET 0) AS t
"""  # noqa: S608 - columns of our own


def _family(of: str) -> str:
    """The attempts at the same task as `of`; each kind of task by the index that has it."""
    return f"""
(SELECT o.created_at, o.attempt, o.id FROM tasks o
 WHERE {of}.parent_id IS NOT NULL AND o.parent_id = {of}.parent_id
   AND o.child_index = {of}.child_index
 UNION ALL
 SELECT o.created_at, o.attempt, o.id FROM tasks o
 WHERE {of}.parent_id IS NULL AND {of}.kind <> 'task' AND o.job_id = {of}.job_id
   AND o.position = {of}.position AND o.parent_id IS NULL AND o.kind <> 'task'
 UNION ALL
 SELECT o.created_at, o.attempt, o.id FROM tasks o
 WHERE {of}.parent_id IS NULL AND {of}.kind = 'task' AND o.job_id = {of}.job_id
   AND o.position = {of}.position AND o.parent_id IS NULL)
"""  # noqa: S608 - columns of our own


# What is active has no later attempt, and neither has a child that is done, unless it is kept
# running: to look for one would take longer than all the rest.
LAST = f"""
(t.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
 OR t.parent_id IS NOT NULL AND t.placement IS NULL AND t.state IN ('COMPLETED', 'SKIPPED')
 OR NOT EXISTS (SELECT FROM {_family("t")} AS later
                WHERE (later.created_at, later.attempt) > (t.created_at, t.attempt)))
"""

# $1 the job, $2 the parent, $3 a pattern of names, $4 what no name that is found may hold, $5 the
# index among its siblings, $6 whether the last attempts alone.
_FILTER = f"""
($3 = '' OR (t.name ILIKE $3
             AND NOT EXISTS (SELECT FROM unnest($4::text[]) AS hidden(part)
                             WHERE strpos(t.name, hidden.part) > 0)))
AND ($5::int IS NULL OR t.child_index = $5)
AND (NOT $6 OR {LAST})
"""

# $7 states, $8 the order, $9 and $10 limit and offset, $11 and $12 indexes to begin and end at.
# What orders by nothing that was asked for is a constant to the planner, and left out.
_WINDOW = f"""
WHERE {_FILTER} AND ($7::text[] = '{{}}' OR t.state = ANY($7))
  AND ($11::int IS NULL OR (t.child_index >= $11 AND t.child_index < $12))
ORDER BY
  CASE WHEN $8 = 'newest' THEN t.created_at END DESC,
  CASE WHEN $8 = 'newest' THEN t.position END DESC,
  CASE WHEN $8 = 'newest' THEN t.child_index END DESC,
  CASE WHEN $8 = 'failed-first' THEN
    CASE t.state WHEN 'FAILED' THEN 0 WHEN 'RUNNING' THEN 1 WHEN 'SCHEDULED' THEN 2
                 WHEN 'PENDING' THEN 2 WHEN 'CREATED' THEN 3 ELSE 4 END END,
"""
_SHOWN = f"""
t.id, t.parent_id, t.child_index, t.position, t.state, t.name, t.queue, t.node_id, t.attempt,
       t.created_at, t.scheduled_at, t.started_at, t.completed_at, t.failed_at, t.progress,
       t.exit_code, t.failure_cause, t.error, n.name AS node_name,
       {RUNNING_PHASE} AS phase,
       CASE WHEN t.definition ? 'partition' THEN 'partition' ELSE t.kind END AS kind,
       t.placement IS NOT NULL AND t.kind = 'task' AS is_execution, t.subjob_id, t.children,
       t.timings, t.usage, t.definition ->> 'image' AS image, t.sequence,
       (SELECT count(*) FROM {_family("t")} AS attempts) AS attempts
"""  # noqa: S608 - columns of our own


def _page(source: str, order: str) -> str:
    return f"""
WITH page AS MATERIALIZED (
    SELECT t.id, row_number() OVER () AS number
    FROM (SELECT t.id FROM ({source}) AS t {_WINDOW} {order} LIMIT $9 OFFSET $10) AS t)
SELECT {_SHOWN}
FROM page JOIN tasks t USING (id) LEFT JOIN nodes n ON n.id = t.node_id ORDER BY page.number
"""  # noqa: S608 - parts of our own


def _counts(source: str) -> str:
    return f"SELECT t.state, count(*) FROM ({source}) AS t WHERE {_FILTER} GROUP BY 1"  # noqa: S608 - parts of our own


def _failed_first(active: str = "'CREATED', 'PENDING', 'SCHEDULED', 'RUNNING'") -> str:
    """As `CHILDREN`, as far as the window reaches where those that failed are first: of 10,000 that
    are done no more than are shown are read."""
    return f"""
{CHILDREN} AND t.state = 'FAILED'
UNION ALL
{CHILDREN} AND t.state IN ({active})
UNION ALL
({CHILDREN} AND t.state NOT IN ('FAILED', {active}) AND (NOT $6 OR {LAST})
 ORDER BY {_IN_FAMILY} LIMIT $9::bigint + $10::bigint)
"""


_IN_LIST = "t.position, t.created_at, t.child_index, t.attempt, t.id"
_IN_FAMILY = "t.child_index, t.created_at, t.attempt"

PAGE_OF_ALL, COUNTS_OF_ALL = _page(ALL, _IN_LIST), _counts(ALL)
PAGE_OF_CHILDREN, COUNTS_OF_CHILDREN = _page(CHILDREN, _IN_FAMILY), _counts(CHILDREN)
PAGE_OF_SPAWNED = _page(CHILDREN, f"t.sequence, {_IN_FAMILY}")
PAGE_OF_FAILED_FIRST = _page(_failed_first(), _IN_FAMILY)
PAGE_OF_TOP_LEVEL, COUNTS_OF_TOP_LEVEL = _page(TOP_LEVEL, _IN_LIST), _counts(TOP_LEVEL)

KIND_OF_PARENT = "SELECT kind FROM tasks WHERE id = $2 AND job_id = $1"

# Of the job's own list what has no attempt yet.
_NOT_BEGUN = """
FROM job_tasks j WHERE j.job_id = $1
  AND NOT EXISTS (SELECT FROM tasks t WHERE t.job_id = $1 AND t.position = j.position)
"""
NOT_BEGUN = f"SELECT j.position, j.task {_NOT_BEGUN} ORDER BY j.position LIMIT $2 OFFSET $3"
COUNT_NOT_BEGUN = f"SELECT count(*) {_NOT_BEGUN}"


class TaskListRow(NamedTuple):
    """One attempt. `kind` is that of the core, or `partition`; `attempts` are how many there are at
    the same task; `children` the counts of the core."""

    id: str
    parent_id: str | None
    child_index: int | None
    position: int
    state: str
    name: str
    queue: str
    node_id: str | None
    attempt: int
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    progress: float
    exit_code: int | None
    failure_cause: str | None
    error: str | None
    node_name: str | None
    phase: str | None
    kind: str
    is_execution: bool
    subjob_id: str | None
    children: JsonObject | None
    timings: Sequence[tuple[str, int, int]] | None
    usage: Mapping[str, int] | None
    image: str | None
    sequence: int | None
    attempts: int


class NotBegun(NamedTuple):
    """A task of the job's own list as submitted, maybe sealed."""

    position: int
    task: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which rows. `parent` None: of the whole job; "": those of its own list; else the children of
    this task. The last windows of the job's own list show what has not begun. `name` is a part of
    the name; names with something that is `hidden` are not found."""

    job_id: str
    parent: str | None = None
    states: Sequence[str] = ()
    name: str = ""
    hidden: Sequence[str] = ()
    index: int | None = None
    last_only: bool = True
    order: Order = "position"
    with_counts: bool = True
    limit: int
    offset: int

    @property
    def is_whole(self) -> bool:
        """All of the family, in whatever order."""
        return not self.states and not self.name and self.index is None

    @property
    def is_plain(self) -> bool:
        """All of the family, in its order."""
        return self.is_whole and self.order == "position" and self.last_only


class Tasks(NamedTuple):
    """A window. `counts` are by state, whatever states were asked for; None: not asked for."""

    rows: Sequence[TaskListRow]
    not_begun: Sequence[NotBegun]
    total_not_begun: int
    counts: Mapping[str, int] | None


async def tasks_of(connection: Connection, asked: Asked) -> Tasks | None:
    """None where the job has no such parent."""
    kind = None
    if asked.parent:
        kind = await connection.fetchval(KIND_OF_PARENT, asked.job_id, asked.parent)
        if kind is None:
            return None
    page, counts = _statements(asked, kind)
    which = (
        *(asked.job_id, asked.parent or None, _pattern(asked.name), list(asked.hidden)),
        *(asked.index, asked.last_only),
    )
    # One snapshot: what begins meanwhile is neither missing nor there twice.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(PLAN_EACH)
        counted = asked.with_counts or asked.parent == ""
        by_state = dict(await connection.fetch(counts, *which)) if counted else None
        rows = await connection.fetch(page, *which, *_window(asked, kind))
        not_begun = await _not_begun(connection, asked, sum((by_state or {}).values()))
    return Tasks([TaskListRow._make(row) for row in rows], *not_begun, by_state)


def _pattern(part: str) -> str:
    escaped = re.sub(r"([%_\\])", r"\\\1", part)
    return f"%{escaped}%" if part else ""


def _statements(asked: Asked, kind: str | None) -> tuple[str, str]:
    if asked.parent is None:
        return PAGE_OF_ALL, COUNTS_OF_ALL
    if asked.parent:
        if kind == "spawn" and asked.order == "position":
            return PAGE_OF_SPAWNED, COUNTS_OF_CHILDREN
        is_cut = asked.is_whole and asked.order == "failed-first"
        return PAGE_OF_FAILED_FIRST if is_cut else PAGE_OF_CHILDREN, COUNTS_OF_CHILDREN
    return PAGE_OF_TOP_LEVEL, COUNTS_OF_TOP_LEVEL


def _window(asked: Asked, kind: str | None) -> tuple[Any, ...]:
    """The children of a `parallel` and an `each` are there from the beginning: none is missing."""
    first, last = asked.offset, asked.offset + asked.limit
    if kind in ("parallel", "each") and asked.is_plain:
        return list(asked.states), asked.order, asked.limit, 0, first, last
    return list(asked.states), asked.order, asked.limit, asked.offset, None, None


async def _not_begun(
    connection: Connection, asked: Asked, begun: int
) -> tuple[Sequence[NotBegun], int]:
    if asked.parent != "" or asked.states or asked.name or asked.index is not None:
        return (), 0
    total: int = await connection.fetchval(COUNT_NOT_BEGUN, asked.job_id)
    first = max(asked.offset - begun, 0)
    limit = max(asked.offset + asked.limit - begun, 0) - first
    if total <= first or limit <= 0:
        return (), total
    rows = await connection.fetch(NOT_BEGUN, asked.job_id, limit, first)
    return [NotBegun(*row) for row in rows], total
