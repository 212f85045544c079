"""What attempts have kept in the store of files, as rows."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.lifecycle import Task
from shared.messages import KeptArtifact
from shared.postgres.pool import Connection

# Each attempt is a row of `tasks`; a task is the place of its attempts in the job's list, or among
# its siblings.
REPLACED = """
WITH earlier AS (
    SELECT t.id AS task_id, e.id FROM tasks t
    JOIN tasks e ON e.job_id = t.job_id AND e.position = t.position AND e.parent_id IS NULL
    WHERE t.id = ANY($1::text[]) AND t.parent_id IS NULL AND e.id <> t.id
    UNION ALL
    SELECT t.id, e.id FROM tasks t
    JOIN tasks e ON e.parent_id = t.parent_id AND e.child_index = t.child_index
    WHERE t.id = ANY($1::text[]) AND e.id <> t.id
)
SELECT e.task_id, array_agg(DISTINCT a.task_id) AS attempts, sum(a.size)::bigint AS size
FROM earlier e JOIN artifacts a ON a.task_id = e.id GROUP BY e.task_id
"""


@dataclass(frozen=True, slots=True)
class Replaced:
    """Which earlier attempts at a task have kept something, and how many bytes."""

    attempts: tuple[str, ...] = ()
    size: int = 0


NOTHING = Replaced()


async def replaced_by(connection: Connection, task_ids: Collection[str]) -> dict[str, Replaced]:
    """What goes when these attempts keep something; those before which nothing was kept are not
    there."""
    rows = await connection.fetch(REPLACED, list(task_ids))
    return {row["task_id"]: Replaced(tuple(row["attempts"]), row["size"]) for row in rows}


def artifact_row(task: Task, kept: KeptArtifact) -> dict[str, object]:
    of_task = {"job_id": task.job_id, "task_id": task.id, "attempt": task.attempt}
    return of_task | kept.model_dump()
