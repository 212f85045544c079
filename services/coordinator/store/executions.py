"""Executions of placed tasks: one row for each attempt of each partition."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from shared.messages import OWN_LINE
from shared.postgres.pool import Connection

_STDOUT = 2048
"""Characters of what it wrote."""
_PARTS = 5
"""Of its log, in which they are looked for: the first tell what was brought to it."""

# What never began is no execution yet. $2: a version of the job, NULL for all; $3: the beginning of
# the id, NULL for any.
EXECUTIONS = f"""
SELECT id, job_id, name, state, node_id, child_index, attempt, spec_version, dispatch, resources,
       created_at, greatest(created_at, scheduled_at, started_at, completed_at, failed_at)
           AS modified_at,
       exit_code, error, result,
       lag(id) OVER attempts AS previous_id, lead(id) OVER attempts AS next_id,
       (SELECT jsonb_agg(jsonb_build_array(contents, coalesce(stderr, '{{}}')) ORDER BY number)
        FROM (SELECT contents, stderr, number FROM task_log_parts p
              WHERE p.task_id = t.id ORDER BY number LIMIT {_PARTS}) AS first) AS output
FROM tasks t
WHERE job_id = $1 AND parent_id IS NOT NULL AND kind = 'task' AND state <> 'CREATED'
  AND NOT (state = 'CANCELLED' AND scheduled_at IS NULL)
  AND ($2::int IS NULL OR spec_version = $2) AND ($3::text IS NULL OR starts_with(id, $3))
WINDOW attempts AS (PARTITION BY parent_id, child_index ORDER BY attempt, created_at, id)
ORDER BY created_at, child_index, attempt, id
"""  # noqa: S608 - a number of our own


class ExecutionRow(NamedTuple):
    """`modified_at` is the last that is known to have happened to it; `output` the first parts of
    its log, each with the first and last lines of what came from stderr."""

    id: str
    job_id: str
    name: str
    state: str
    node_id: str | None
    partition: int
    attempt: int
    version: int
    dispatch: int
    resources: dict[str, Any] | None
    created_at: datetime
    modified_at: datetime
    exit_code: int | None
    error: str | None
    result: str | None
    previous_id: str | None
    next_id: str | None
    output: Sequence[tuple[str, Sequence[int]]] | None

    def shown_output(self, *, is_stderr: bool) -> tuple[str, bool]:
        """And whether that is not all."""
        parts = (_lines_of(*part, is_stderr=is_stderr) for part in self.output or ())
        lines = "".join(chain.from_iterable(parts)).splitlines(keepends=True)
        output = "".join(line for line in lines if not line.startswith(OWN_LINE))
        return output[:_STDOUT], len(output) > _STDOUT


def _lines_of(contents: str, ends: Sequence[int], *, is_stderr: bool) -> Iterator[str]:
    stderr = {n for at in range(0, len(ends), 2) for n in range(ends[at], ends[at + 1] + 1)}
    pieces = contents.split("\n")
    for n, piece in enumerate(pieces, 1):
        if (n in stderr) == is_stderr:
            yield piece if n == len(pieces) else f"{piece}\n"


async def executions(
    connection: Connection, job_id: str, version: int | None = None, prefix: str | None = None
) -> Sequence[ExecutionRow]:
    """The oldest first."""
    rows = await connection.fetch(EXECUTIONS, job_id, version, prefix)
    return [ExecutionRow(*row) for row in rows]


# Of the executions of a version that have completed.
RESULTS = """
SELECT t.id AS execution_id, t.child_index AS partition, t.node_id, a.name, a.object, a.file_name,
       a.size, a.sha256, a.files IS NOT NULL AS is_directory, a.published
FROM artifacts a JOIN tasks t ON t.id = a.task_id
WHERE a.job_id = $1 AND t.state = 'COMPLETED' AND t.parent_id IS NOT NULL AND t.spec_version = $2
ORDER BY t.child_index, t.created_at, a.name
"""


class ResultRow(NamedTuple):
    """What an execution has kept; `published` are the places that it was copied to. A directory is
    kept as a tar."""

    execution_id: str
    partition: int
    node_id: str | None
    name: str
    object: str
    file_name: str
    size: int
    sha256: str
    is_directory: bool
    published: Sequence[str]


async def results(connection: Connection, job_id: str, version: int) -> Sequence[ResultRow]:
    return [ResultRow(*row) for row in await connection.fetch(RESULTS, job_id, version)]
