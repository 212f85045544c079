"""What the attempts of a job have kept, and what a path names.

A task is tried again as another row, of the same place: its position, or its parent and its index
there. Of an artifact that several attempts have kept the newest counts, unless one is asked for by
the id of its task.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.coordinator.store.rows import Readers
from shared.postgres.pool import Connection, Pool, acquired

_PORTION = 500

# Of a task `t` with the parent `p`.
PLACE = """
t.id AS task_id, t.position, t.name AS task_name, t.var, t.child_index, t.parent_id,
p.parent_id IS NOT NULL AS is_deep, p.name AS parent_name, p.var AS parent_var
"""
COLUMNS = f"""
{PLACE}, a.job_id, a.attempt, a.name, a.object, a.file_name, a.size, a.sha256, a.files, a.mode,
a.published, a.created_at
"""

SEALED_OF_JOB = """
SELECT id, sealed FROM jobs
WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

# A task's name also finds what its children have kept.
_LISTED = """
FROM artifacts a JOIN tasks t ON t.id = a.task_id LEFT JOIN tasks p ON p.id = t.parent_id
WHERE a.job_id = $1
  AND ($2 = '' OR $2 IN (t.id, t.name, t.var, p.id, p.name, p.var))
  AND ($3::integer IS NULL OR a.attempt = $3)
"""

# The newest of each place and name, in the order of the places.
NEWEST = f"""
SELECT DISTINCT ON (t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1), a.name)
       {COLUMNS} {_LISTED}
  AND (t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1), a.name)
      > ($4, $5, $6, $7)
ORDER BY t.position, coalesce(t.parent_id, ''), coalesce(t.child_index, -1), a.name,
         t.created_at DESC, t.attempt DESC
LIMIT $8
"""

# A row for the task of each place, and one for all children of a parent. The executions of a placed
# task have its name, and are found by it or by their ids; those of a spawn have names of their own.
NAMED = """
SELECT rank, position, parent_id, min(child_index) AS first, max(child_index) AS last,
       (array_agg(id ORDER BY created_at DESC, attempt DESC))[1] AS id,
       (array_agg(kind ORDER BY created_at DESC, attempt DESC))[1] AS kind,
       (array_agg(subjob_id ORDER BY created_at DESC, attempt DESC))[1] AS subjob_id
FROM (SELECT *, CASE $2 WHEN id THEN 0 WHEN var THEN 1 ELSE 2 END AS rank FROM tasks
      WHERE job_id = $1 AND $2 IN (id, var, name)
            AND (kind <> 'task' OR placement IS NULL OR sequence IS NOT NULL OR id = $2)) AS found
GROUP BY rank, position, parent_id ORDER BY rank LIMIT 2
"""

CHILD = """
SELECT id, kind, subjob_id FROM tasks WHERE parent_id = $1 AND child_index = $2
ORDER BY created_at DESC, attempt DESC LIMIT 1
"""

# At each place of a job's list where a task, or a child of it, has kept an artifact of that name.
KEEPERS = """
SELECT DISTINCT ON (t.position) t.id, t.kind, t.subjob_id FROM tasks t
WHERE t.job_id = $1 AND t.parent_id IS NULL AND t.position IN (
    SELECT k.position FROM artifacts a JOIN tasks k ON k.id = a.task_id
    WHERE a.job_id = $1 AND a.name = $2)
ORDER BY t.position, t.created_at DESC, t.attempt DESC LIMIT 2
"""

_SAME_PLACE = """
SELECT id FROM tasks WHERE $1 AND id = $2
UNION ALL
SELECT s.id FROM tasks t JOIN tasks s ON s.parent_id = t.parent_id AND s.child_index = t.child_index
WHERE NOT $1 AND t.id = $2
UNION ALL
SELECT s.id FROM tasks t JOIN tasks s ON s.job_id = t.job_id AND s.position = t.position
WHERE NOT $1 AND t.id = $2 AND t.parent_id IS NULL AND s.parent_id IS NULL
"""

OF_TASK = f"""
SELECT DISTINCT ON (a.name) {COLUMNS}
FROM artifacts a JOIN tasks t ON t.id = a.task_id LEFT JOIN tasks p ON p.id = t.parent_id
WHERE a.task_id IN ({_SAME_PLACE}) AND ($3 = '' OR a.name = $3)
ORDER BY a.name, t.created_at DESC, t.attempt DESC
"""  # noqa: S608 - texts of our own

# The newest attempt of each child, and of each its newest artifact of that name.
CHILDREN = """
SELECT c.child_index, c.id, c.state, c.exit_code, c.attempt,
       k.object, k.file_name, k.size, k.sha256, k.files, k.mode
FROM (SELECT DISTINCT ON (child_index) child_index, id, state, exit_code, attempt
      FROM tasks
      WHERE parent_id = $1 AND child_index > $3 ORDER BY child_index, created_at DESC, attempt DESC
      LIMIT $4) AS c
LEFT JOIN LATERAL (
    SELECT a.* FROM tasks s JOIN artifacts a ON a.task_id = s.id
    WHERE s.parent_id = $1 AND s.child_index = c.child_index AND a.name = $2
    ORDER BY s.created_at DESC, s.attempt DESC LIMIT 1) AS k ON true
ORDER BY c.child_index
"""

CHILD_COUNT = """
SELECT coalesce(max(child_index) + 1, 0) FROM tasks WHERE parent_id = $1
"""

KEPT_BY_CHILDREN = """
SELECT EXISTS (SELECT FROM tasks t JOIN artifacts a ON a.task_id = t.id
               WHERE t.parent_id = $1 AND a.name = $2)
"""


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """Where a task is in its job. `is_deep`: its parent has a parent."""

    task_id: str
    position: int
    task_name: str
    var: str | None
    child_index: int | None
    parent_id: str | None
    is_deep: bool
    parent_name: str | None
    parent_var: str | None


@dataclass(frozen=True, slots=True)
class ArtifactRow(TaskPlace):
    """`files` is None of a single file."""

    job_id: str
    attempt: int
    name: str
    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None
    mode: int
    published: Sequence[str]
    created_at: datetime


class ChildRow(NamedTuple):
    """A child of a composite task; the rest is None where it has kept no such artifact."""

    child_index: int
    task_id: str
    state: str
    exit_code: int | None
    attempt: int
    object: str | None
    file_name: str | None
    size: int | None
    sha256: str | None
    files: int | None
    mode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTask:
    """`is_exact`: this attempt alone is meant. `has_children`: they are, all of them. It stands for
    the job `subjob_id`."""

    id: str
    is_exact: bool = False
    has_children: bool = False
    subjob_id: str | None = None


@dataclass(frozen=True, slots=True)
class FilesOfJob:
    """`sealed` as the job's row has it."""

    job_id: str
    sealed: str | None = field(repr=False)


async def job_with_files(
    connection: Connection, job_id: str, readers: Readers
) -> FilesOfJob | None:
    """None when there is no such job, or not for one of `readers`."""
    row = await connection.fetchrow(SEALED_OF_JOB, job_id, readers)
    return FilesOfJob(*row) if row else None


async def newest_artifacts(
    pool: Pool, job_id: str, task: str, attempt: int | None
) -> AsyncIterator[ArtifactRow]:
    """Of the job alone, without what an earlier attempt has kept under the same name; `task` is a
    name, a `var` or an id, "" all. Nothing is held between two portions."""
    place: tuple[int, str, int, str] = (0, "", -1, "")
    is_over = False
    while not is_over:
        async with acquired(pool) as connection:
            found = await connection.fetch(NEWEST, job_id, task, attempt, *place, _PORTION)
        for record in found:
            row = ArtifactRow(*record)
            yield row
            index = -1 if row.child_index is None else row.child_index
            place = (row.position, row.parent_id or "", index, row.name)
        is_over = len(found) < _PORTION


class SeveralTasks(Exception):
    """Of that name."""


async def task_named(connection: Connection, job_id: str, name: str) -> NamedTask | None:
    """The task of that id, else `var`, else name. Raises SeveralTasks."""
    rows = await connection.fetch(NAMED, job_id, name)
    if not rows:
        return None
    found, *others = rows
    if others and others[0]["rank"] == found["rank"]:
        raise SeveralTasks
    if found["first"] != found["last"]:  # children of one parent
        return NamedTask(id=found["parent_id"], has_children=True)
    return replace(_named(found), is_exact=found["rank"] == 0)


async def child_of(connection: Connection, parent_id: str, index: int) -> NamedTask | None:
    row = await connection.fetchrow(CHILD, parent_id, index)
    return _named(row) if row else None


async def keeper_of(connection: Connection, job_id: str, artifact: str) -> NamedTask | None:
    """The one task of the job that has kept it. Raises SeveralTasks."""
    rows = await connection.fetch(KEEPERS, job_id, artifact)
    if len(rows) > 1:
        raise SeveralTasks
    return _named(rows[0]) if rows else None


def _named(row: asyncpg.Record) -> NamedTask:
    has_children = row["kind"] in ("parallel", "each", "spawn", "placed")
    return NamedTask(id=row["id"], has_children=has_children, subjob_id=row["subjob_id"])


async def kept_by(connection: Connection, task: NamedTask, name: str = "") -> list[ArtifactRow]:
    """All that a task without children has kept, or what is called `name`."""
    rows = await connection.fetch(OF_TASK, task.is_exact, task.id, name)
    return [ArtifactRow(*row) for row in rows]


async def have_children_kept(connection: Connection, parent_id: str, name: str) -> bool:
    kept: bool = await connection.fetchval(KEPT_BY_CHILDREN, parent_id, name)
    return kept


async def child_count(connection: Connection, parent_id: str) -> int:
    count: int = await connection.fetchval(CHILD_COUNT, parent_id)
    return count


async def children_with(pool: Pool, parent_id: str, name: str) -> AsyncIterator[ChildRow]:
    """All that have begun, in their order, with what they have kept under that name. Nothing is
    held between two portions."""
    index, is_over = -1, False
    while not is_over:
        async with acquired(pool) as connection:
            rows = await connection.fetch(CHILDREN, parent_id, name, index, _PORTION)
        for row in rows:
            yield ChildRow(*row)
            index = row["child_index"]
        is_over = len(rows) < _PORTION
