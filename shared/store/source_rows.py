"""What tasks are planned from: their definitions and jobs, variables, and results of children."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace

import asyncpg

from shared.definition import (
    TaskDefinition,
    decode_defaults,
    decode_permissions,
    decode_task,
    decode_webhooks,
)
from shared.lifecycle import ListText, TaskPosition
from shared.planning.budgets import MOST_OF_RESULTS
from shared.planning.taking import Found, Wanted
from shared.planning.templates import (
    JobSource,
    TaskSource,
    Variables,
    WantedVariable,
    listed_task_source,
)
from shared.postgres.pool import Connection
from shared.process.sealing import Sealer, SealingError
from shared.store.file_rows import load_files

TASKS = """
SELECT j.id AS job_id, j.name, j.inputs, j.sealed, j.defaults, j.output, j.created_by,
       j.permissions, j.readers, j.schedule_id, j.schedule_at, j.uploads, t.position, t.task,
       jsonb_path_query_array(j.webhooks, '$[*] ? (@.event == "job.PhaseChange")')
           AS phase_webhooks
FROM unnest($1::text[], $2::int[]) AS p(job_id, position)
JOIN jobs j ON j.id = p.job_id
JOIN job_tasks t ON t.job_id = p.job_id AND t.position = p.position
"""

JOBS = """
SELECT id AS job_id, name, inputs, sealed, defaults, output, created_by, permissions, readers,
       schedule_id, schedule_at, uploads,
       jsonb_path_query_array(webhooks, '$[*] ? (@.event == "job.PhaseChange")') AS phase_webhooks
FROM jobs WHERE id = ANY($1::text[])
"""

VARIABLES = """
SELECT v.job_id, v.name, v.value, v.is_list
FROM unnest($1::text[], $2::text[]) AS r(job_id, name)
JOIN job_variables v ON v.job_id = r.job_id AND (r.name IS NULL OR v.name = r.name)
"""

# No text is read of those that are too large.
RESULTS = """
WITH sizes AS (
    SELECT parent_id, sum(length(result)) AS size FROM tasks
    WHERE parent_id = ANY($1::text[]) AND state = 'COMPLETED' GROUP BY 1
)
SELECT s.parent_id, s.size > $2 AS is_too_large, t.child_index, t.result
FROM sizes s LEFT JOIN tasks t ON s.size <= $2 AND t.parent_id = s.parent_id
                              AND t.state = 'COMPLETED' AND t.result IS NOT NULL
WHERE s.size IS NOT NULL ORDER BY t.sequence, t.child_index
"""


class SourceRows:
    """Those of the transaction that `connection` is in. See `shared.apply.transaction`."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def load_tasks(
        self, positions: Sequence[TaskPosition], restarts: Mapping[str, int]
    ) -> list[TaskSource]:
        rows = await self._connection.fetch(TASKS, *columns_of(positions)) if positions else []
        return [self._task_source(row, restarts[row["job_id"]]) for row in rows]

    def _task_source(self, row: asyncpg.Record, restarts: int) -> TaskSource:
        job, position = _job_source(row), row["position"]
        try:
            task = decode_task(self._sealer.opened(row["task"]))
        except SealingError as error:  # its job fails, and says so
            unread = listed_task_source(job, position, TaskDefinition(), restarts)
            return replace(unread, unreadable=str(error))
        return listed_task_source(job, position, task, restarts)

    async def load_jobs(self, ids: Collection[str]) -> dict[str, JobSource]:
        rows = await self._connection.fetch(JOBS, list(ids)) if ids else []
        return {row["job_id"]: _job_source(row) for row in rows}

    async def load_variables(self, wanted: Collection[WantedVariable]) -> Variables:
        found: Variables = {}
        if wanted:
            jobs, names = zip(*wanted, strict=True)
            for row in await self._connection.fetch(VARIABLES, jobs, names):
                value = ListText(row["value"]) if row["is_list"] else row["value"]
                found.setdefault(row["job_id"], {})[row["name"]] = value
        return found

    async def load_files(self, wanted: Collection[Wanted]) -> dict[Wanted, Found]:
        return await load_files(self._connection, self._sealer, wanted) if wanted else {}

    async def results_of_children(
        self, parents: Collection[str]
    ) -> dict[str, Mapping[int, str] | None]:
        rows = await self._connection.fetch(RESULTS, list(parents), MOST_OF_RESULTS)
        too_large = {row["parent_id"]: None for row in rows if row["is_too_large"]}
        found: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for row in rows:
            found[row["parent_id"]][row["child_index"]] = row["result"]
        return {**found, **too_large}


def columns_of(positions: Sequence[TaskPosition]) -> tuple[list[str], list[int]]:
    return [p.job_id for p in positions], [p.position for p in positions]


_OF_JOB_SOURCE = [field.name for field in fields(JobSource)]


def _job_source(row: asyncpg.Record) -> JobSource:
    values = {name: row[name] for name in _OF_JOB_SOURCE}
    values["defaults"] = decode_defaults(values["defaults"])
    values["permissions"] = decode_permissions(values["permissions"])
    values["phase_webhooks"] = decode_webhooks(values["phase_webhooks"])
    return JobSource(**values)
