"""The rows of children: the next to begin, those to cancel, those to run again.

However many there are, what is read is what begins, runs or has failed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.lifecycle import BeginChildren, CancelTasks, FamilyContinued, Task
from shared.postgres.pool import Connection
from shared.store.rows import task_of

# Without their definitions: that of a parallel task holds all of its children, and would be read at
# each step of each.
LOCK_ANCESTORS = """
WITH RECURSIVE line AS (
    SELECT id, parent_id FROM tasks WHERE id = ANY($1::text[])
    UNION
    SELECT t.id, t.parent_id FROM line l JOIN tasks t ON t.id = l.parent_id
)
SELECT t.id, t.job_id, t.position, t.state, t.name, t.queue, t.priority, t.var, t.timeout, t.retry,
       t.kind, t.allow_failure, t.queue_timeout, t.attempt, t.dispatch, t.lost, t.engine_rejections,
       t.last_return_reason, t.progress, t.node_id, t.due_at, t.lease_expires_at, t.deadline_at,
       t.created_at, t.scheduled_at, t.started_at, t.completed_at, t.failed_at, t.result, t.error,
       t.log_parts, t.exit_code, t.parent_id, t.child_index, t.scope, t.children, t.subjob_id,
       '{}'::jsonb AS definition, NULL AS sealed
FROM tasks t WHERE t.id IN (SELECT id FROM line) ORDER BY t.id FOR NO KEY UPDATE
"""

DEFINITIONS = "SELECT id, definition, sealed FROM tasks WHERE id = ANY($1::text[])"

NEXT_CREATED = """
SELECT t.* FROM unnest($1::text[], $2::int[]) AS p(id, count), LATERAL (
    SELECT * FROM tasks
    WHERE parent_id = p.id AND state = 'CREATED' AND id <> ALL($3::text[])
    ORDER BY child_index LIMIT p.count FOR NO KEY UPDATE) AS t
"""

# All that never began, at once: nobody has heard of them, so nobody needs to hear of their end.
CANCEL_CREATED_OF_JOBS = """
UPDATE tasks SET state = 'CANCELLED' WHERE job_id = ANY($1::text[]) AND state = 'CREATED'
"""
CANCEL_CREATED_OF_PARENTS = """
UPDATE tasks SET state = 'CANCELLED' WHERE parent_id = ANY($1::text[]) AND state = 'CREATED'
"""

LOCK_ACTIVE_OF_JOBS = """
SELECT * FROM tasks
WHERE job_id = ANY($1::text[]) AND state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
ORDER BY id FOR NO KEY UPDATE
"""
# Not by their job: it may have very many that are active in other families.
LOCK_ACTIVE_OF_PARENTS = """
SELECT * FROM tasks
WHERE parent_id = ANY($1::text[]) AND state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING')
ORDER BY id FOR NO KEY UPDATE
"""

# The last row at a position of a job's own list, if it is made of others and did not succeed.
UNFINISHED_AT = """
SELECT last.* FROM unnest($1::text[], $2::int[]) AS p(job_id, position), LATERAL (
    SELECT * FROM tasks t
    WHERE t.job_id = p.job_id AND t.position = p.position AND t.parent_id IS NULL
    ORDER BY t.created_at DESC, t.attempt DESC LIMIT 1 FOR NO KEY UPDATE) AS last
WHERE last.state IN ('FAILED', 'CANCELLED')
  AND (last.children IS NOT NULL OR last.subjob_id IS NOT NULL)
"""

# Of each child index the last row counts. What is made of others, and what never began, goes on as
# it is; what a worker has had stays as a record, and gets a successor.
REOPEN_CHILDREN = """
WITH again AS (
    SELECT last.*,
           last.children IS NOT NULL OR last.subjob_id IS NOT NULL
           OR (last.state = 'CANCELLED' AND last.scheduled_at IS NULL AND last.attempt = 0)
           AS goes_on
    FROM (SELECT DISTINCT ON (parent_id, child_index) * FROM tasks WHERE parent_id = ANY($1::text[])
          ORDER BY parent_id, child_index, created_at DESC, attempt DESC) AS last
    WHERE last.state = 'CANCELLED' OR (last.state = 'FAILED' AND NOT last.allow_failure)
), continued AS (
    UPDATE tasks t SET state = 'CREATED', error = NULL, failed_at = NULL
    FROM again a WHERE t.id = a.id AND a.goes_on
), renewed AS (
    INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition,
                       created_at, parent_id, child_index, scope)
    SELECT md5(id || ' again'), job_id, position, 'CREATED', '', '', 0, '{}', '{}',
           clock_timestamp(), parent_id, child_index, scope
    FROM again WHERE NOT goes_on
)
SELECT parent_id, count(*)::int AS left,
       coalesce(array_agg(id) FILTER (WHERE goes_on), '{}') AS continued
FROM again GROUP BY parent_id
"""


# Families of whose children some wait and none is active, so that no end of one will have the next
# begin: the message that should have is lost. What runs without a lease is made of others.
STALLED = """
SELECT job_id, id FROM tasks
WHERE state = 'RUNNING' AND lease_expires_at IS NULL AND started_at < now() - interval '10 seconds'
  AND (children->>'begun')::int < (children->>'total')::int
  AND (children->>'begun')::int = (children->>'ended')::int
ORDER BY started_at LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class Reopened:
    """How many children of each parent are to be run again, and which of them as the rows that
    they were: what is known of these is out of date."""

    left: Mapping[str, int]
    continued: Sequence[str]


async def lock_ancestors(connection: Connection, parents: Collection[str]) -> list[Task]:
    """The tasks with these ids, and all that these are part of, in outline (`with_definitions`)."""
    rows = await connection.fetch(LOCK_ANCESTORS, list(parents)) if parents else []
    return [task_of(row) for row in rows]


async def with_definitions(connection: Connection, outlined: Collection[Task]) -> dict[str, Task]:
    """The whole of these tasks, by id."""
    if not outlined:
        return {}
    rows = await connection.fetch(DEFINITIONS, [task.id for task in outlined])
    read = {row["id"]: {"definition": row["definition"], "sealed": row["sealed"]} for row in rows}
    return {task.id: replace(task, plan=replace(task.plan, **read[task.id])) for task in outlined}


async def next_created(
    connection: Connection, wanted: Sequence[BeginChildren], known: Collection[str]
) -> list[Task]:
    """The next children to begin; none of `known`, which have been taken."""
    parents = [question.task_id for question in wanted]
    counts = [question.count for question in wanted]
    rows = await connection.fetch(NEXT_CREATED, parents, counts, list(known)) if wanted else []
    return [task_of(row) for row in rows]


async def cancel_created(connection: Connection, wanted: Sequence[CancelTasks]) -> None:
    if jobs := [w.job_id for w in wanted if w.parent_id is None]:
        await connection.execute(CANCEL_CREATED_OF_JOBS, jobs)
    if parents := [w.parent_id for w in wanted if w.parent_id is not None]:
        await connection.execute(CANCEL_CREATED_OF_PARENTS, parents)


async def lock_active(connection: Connection, wanted: Sequence[CancelTasks]) -> list[Task]:
    rows = []
    if jobs := [w.job_id for w in wanted if w.parent_id is None]:
        rows += await connection.fetch(LOCK_ACTIVE_OF_JOBS, jobs)
    if parents := [w.parent_id for w in wanted if w.parent_id is not None]:
        rows += await connection.fetch(LOCK_ACTIVE_OF_PARENTS, parents)
    return [task_of(row) for row in rows]


async def stalled(connection: Connection) -> list[FamilyContinued]:
    return [FamilyContinued(row["job_id"], row["id"]) for row in await connection.fetch(STALLED)]


async def unfinished_at(connection: Connection, places: Sequence[tuple[str, int]]) -> list[Task]:
    """What a restart finds at these places that is made of others, and so goes on."""
    jobs, positions = [job_id for job_id, _ in places], [position for _, position in places]
    rows = await connection.fetch(UNFINISHED_AT, jobs, positions) if places else []
    return [task_of(row) for row in rows]


async def reopen_children(connection: Connection, parents: Sequence[Task]) -> Reopened:
    """Make the children that did not succeed wait for their turn again."""
    ids = [parent.id for parent in parents if parent.children is not None]
    rows = await connection.fetch(REOPEN_CHILDREN, ids) if ids else []
    return Reopened(
        {row["parent_id"]: row["left"] for row in rows},
        [child_id for row in rows for child_id in row["continued"]],
    )
