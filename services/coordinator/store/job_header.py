"""What heads a job beside its own row: the jobs it is part of, where it failed, what it has."""

from collections.abc import Sequence
from typing import NamedTuple

from services.coordinator.store.rows import JsonObject, Readers
from shared.postgres.pool import Connection

_MOST_PARENTS = 20
_MOST_TASKS = 400
"""Of a longer list no graph is drawn, so its end is not looked at."""

PARENTS = f"""
WITH RECURSIVE up AS (
    SELECT parent_job_id, parent_task_id, 1 AS level FROM jobs WHERE id = $1
    UNION ALL
    SELECT j.parent_job_id, j.parent_task_id, up.level + 1
    FROM up JOIN jobs j ON j.id = up.parent_job_id WHERE up.level < {_MOST_PARENTS}
)
SELECT p.id, p.name, p.sealed, up.parent_task_id
FROM up JOIN jobs p ON p.id = up.parent_job_id
WHERE $2::text[] IS NULL OR p.readers = '{{}}' OR p.readers && $2
ORDER BY up.level DESC
"""  # noqa: S608 - a number of our own

# The first that failed for good: neither tried again, nor allowed to fail, nor part of what went on
# without it.
FAILURE = """
SELECT t.id, t.name, t.child_index, t.parent_id, p.name AS parent_name, t.error, t.exit_code,
       t.failure_cause, t.node_id, t.subjob_id
FROM tasks t LEFT JOIN tasks p ON p.id = t.parent_id
WHERE t.job_id = $1 AND t.state = 'FAILED' AND NOT t.allow_failure
  AND t.kind IN ('task', 'subjob') AND (p.id IS NULL OR p.state = 'FAILED')
  AND NOT EXISTS (SELECT FROM tasks later WHERE later.parent_id = t.parent_id
                    AND later.child_index = t.child_index AND later.created_at > t.created_at)
ORDER BY t.failed_at LIMIT 1
"""

CONTENTS = f"""
SELECT EXISTS (SELECT FROM (SELECT task FROM job_tasks WHERE job_id = $1
                            ORDER BY position LIMIT {_MOST_TASKS}) AS first
               WHERE jsonb_strip_nulls(task)
                     ?| '{{parallel,each,subjob,partition,placement,needs}}')
           AS has_branches,
       EXISTS (SELECT FROM job_versions WHERE job_id = $1) AS has_versions,
       (SELECT kept_running > 0 FROM jobs WHERE id = $1) AS has_services,
       EXISTS (SELECT FROM job_fingerprints WHERE job_id = $1) AS has_reuse,
       (SELECT slots FROM jobs WHERE id = $1) AS slots
"""  # noqa: S608 - a number of our own


class ParentRow(NamedTuple):
    """A job of which a task, `task_id`, stands for the next of them."""

    id: str
    name: str
    sealed: str | None
    task_id: str


class FailureRow(NamedTuple):
    id: str
    name: str
    child_index: int | None
    parent_id: str | None
    parent_name: str | None
    error: str | None
    exit_code: int | None
    failure_cause: str | None
    node_id: str | None
    subjob_id: str | None


class ContentsRow(NamedTuple):
    """Whether its tasks are more than a list, its versions are kept, services or daemons of it have
    run, and it was submitted with `reuse`; and the limits of its tasks."""

    has_branches: bool
    has_versions: bool
    has_services: bool
    has_reuse: bool
    slots: JsonObject | None


async def parents(connection: Connection, job_id: str, readers: Readers) -> Sequence[ParentRow]:
    """The outermost first, as far as they may be seen."""
    return [ParentRow(*row) for row in await connection.fetch(PARENTS, job_id, readers)]


async def failure(connection: Connection, job_id: str) -> FailureRow | None:
    row = await connection.fetchrow(FAILURE, job_id)
    return None if row is None else FailureRow(*row)


async def contents(connection: Connection, job_id: str) -> ContentsRow:
    row = await connection.fetchrow(CONTENTS, job_id)
    return ContentsRow(*row)
