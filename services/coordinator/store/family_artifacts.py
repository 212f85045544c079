"""What the attempts of a job and of its sub-jobs have kept, and which tasks stand for these.

The sub-jobs of a task that was tried again may be those of its earlier attempts: each has its place
once, that of the task.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from services.coordinator.store.artifacts import COLUMNS, PLACE, ArtifactRow, TaskPlace
from services.coordinator.store.rows import Page, PageRequest
from shared.postgres.pool import Connection, Pool, acquired

_PORTION = 500

# `trail`: where its task is, and all that are around it. A task's name also finds what its children
# and its sub-jobs have kept.
_FAMILY = """
found AS (
    SELECT $1::text AS job_id, '{}'::integer[] AS trail, $2 = '' AS is_meant
    UNION
    SELECT t.subjob_id, f.trail || ARRAY[t.position, coalesce(p.child_index, -1),
                                         coalesce(t.child_index, -1)],
           f.is_meant OR coalesce($2 IN (t.id, t.name, t.var, p.id, p.name, p.var), false)
    FROM found f JOIN tasks t ON t.job_id = f.job_id LEFT JOIN tasks p ON p.id = t.parent_id
    WHERE t.subjob_id IS NOT NULL
), family AS (
    SELECT job_id, min(trail) AS trail, bool_or(is_meant) AS is_meant FROM found GROUP BY job_id
)
"""

_LISTED = """
FROM family f JOIN artifacts a ON a.job_id = f.job_id
JOIN tasks t ON t.id = a.task_id LEFT JOIN tasks p ON p.id = t.parent_id
WHERE (f.is_meant OR $2 IN (t.id, t.name, t.var, p.id, p.name, p.var))
  AND ($3::integer IS NULL OR a.attempt = $3)
"""

LIST = f"""
WITH RECURSIVE {_FAMILY}
SELECT {COLUMNS} {_LISTED}
ORDER BY f.trail || ARRAY[t.position, coalesce(p.child_index, -1)],
         coalesce(p.created_at, t.created_at), t.parent_id, t.child_index, t.created_at, a.name
LIMIT $4 OFFSET $5
"""

COUNT = f"WITH RECURSIVE {_FAMILY} SELECT count(*) {_LISTED}"

# From each job up to $2: the tasks that stand for it, the outermost first.
HOLDERS = f"""
WITH RECURSIVE up AS (
    SELECT id AS job_id, parent_job_id, parent_task_id, 1 AS level FROM jobs
    WHERE id = ANY($1::text[]) AND id <> $2
    UNION ALL
    SELECT up.job_id, j.parent_job_id, j.parent_task_id, up.level + 1
    FROM up JOIN jobs j ON j.id = up.parent_job_id WHERE up.parent_job_id <> $2
)
SELECT up.job_id, {PLACE}
FROM up JOIN tasks t ON t.id = up.parent_task_id LEFT JOIN tasks p ON p.id = t.parent_id
ORDER BY up.job_id, up.level DESC
"""  # noqa: S608 - texts of our own

SEALED = "SELECT id, sealed FROM jobs WHERE id = ANY($1::text[])"

# The newest at each place.
SUBJOBS = f"""
SELECT DISTINCT ON (t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1))
       t.subjob_id, coalesce($2 IN (t.id, t.name, t.var, p.id, p.name, p.var), false), {PLACE}
FROM tasks t LEFT JOIN tasks p ON p.id = t.parent_id
WHERE t.job_id = $1 AND t.subjob_id IS NOT NULL
  AND (t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1)) > ($3, $4, $5)
ORDER BY t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1), t.created_at DESC,
         t.attempt DESC
LIMIT $6
"""  # noqa: S608 - texts of our own


class SubJobRow(NamedTuple):
    """`is_meant`: by the name of its task, or of the task whose child that is."""

    id: str
    is_meant: bool
    holder: TaskPlace


async def artifacts_of(
    connection: Connection, job_id: str, task: str, attempt: int | None, page: PageRequest
) -> Page[ArtifactRow]:
    """In the order of the tasks, a sub-job's at the place of its task; `task` is a name, a `var` or
    an id, "" all."""
    chosen = (job_id, task, attempt)
    rows = await connection.fetch(LIST, *chosen, page.size, page.offset)
    total = await connection.fetchval(COUNT, *chosen)
    return Page(page, [ArtifactRow(*row) for row in rows], total)


async def holders_of(
    connection: Connection, job_ids: Iterable[str], of_job: str
) -> Mapping[str, list[TaskPlace]]:
    """The tasks through which each of these jobs belongs to `of_job`, the outermost first."""
    rows = await connection.fetch(HOLDERS, list(set(job_ids)), of_job)
    return {
        job_id: [TaskPlace(*row[1:]) for row in found]
        for job_id, found in groupby(map(tuple, rows), lambda row: row[0])
    }


async def sealed_of(connection: Connection, job_ids: Iterable[str]) -> Mapping[str, str | None]:
    return dict(await connection.fetch(SEALED, list(set(job_ids))))


async def subjobs_of(pool: Pool, job_id: str, task: str) -> AsyncIterator[SubJobRow]:
    """Of the job's own tasks, without those of earlier attempts. Nothing is held between two
    portions."""
    place: tuple[int, str, int] = (0, "", -1)
    is_over = False
    while not is_over:
        async with acquired(pool) as connection:
            found = await connection.fetch(SUBJOBS, job_id, task, *place, _PORTION)
        for id_, is_meant, *holder in map(tuple, found):
            row = SubJobRow(id_, is_meant, TaskPlace(*holder))
            yield row
            index = -1 if row.holder.child_index is None else row.holder.child_index
            place = (row.holder.position, row.holder.parent_id or "", index)
        is_over = len(found) < _PORTION
