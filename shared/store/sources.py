"""Reads what planning needs: tasks as submitted, their jobs, the variables they name.

All questions of a round are answered together: one query for the tasks, one for the variables,
however many jobs ask.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from shared.lifecycle import derived_id
from shared.planning.new_job import UnsavedJob
from shared.planning.templates import JobSource, TaskSource, variables_read
from shared.postgres.pool import Connection
from shared.store.graphs import Place

JOBS = """
SELECT id, name, inputs, sealed, defaults, output, created_by, permissions, readers
FROM jobs WHERE id = ANY($1::text[])
"""

TASKS = """
SELECT j.id, j.name, j.inputs, j.sealed, j.defaults, j.output, j.created_by, j.permissions,
       j.readers, t.position, t.task
FROM unnest($1::text[], $2::int[]) AS p(job_id, position)
JOIN jobs j ON j.id = p.job_id
JOIN job_tasks t ON t.job_id = p.job_id AND t.position = p.position
"""

LOAD_VARIABLES = """
SELECT v.job_id, v.name, v.value
FROM unnest($1::text[], $2::text[]) AS r(job_id, name)
JOIN job_variables v ON v.job_id = r.job_id AND (r.name IS NULL OR v.name = r.name)
"""

Source = TaskSource | JobSource
Variables = dict[str, dict[str, str]]
"""Job id, name, value."""


def source_of_new(fresh: UnsavedJob) -> JobSource:
    new = fresh.new
    return JobSource(
        job_id=new.job.id,
        name=new.name,
        inputs=new.inputs,
        sealed=fresh.sealed,
        defaults=new.defaults,
        output=new.output,
        created_by=new.created_by,
        permissions=new.permissions,
        readers=new.readers,
    )


def task_source(
    job: JobSource, position: int, task: Mapping[str, Any], restarts: int
) -> TaskSource:
    task_id = derived_id(job.job_id, position, restarts)
    return TaskSource(job=job, position=position, task=task, task_id=task_id)


async def load_jobs(connection: Connection, ids: Collection[str]) -> dict[str, JobSource]:
    rows = await connection.fetch(JOBS, list(ids)) if ids else []
    return {row["id"]: _job_source(row) for row in rows}


async def load_tasks(
    connection: Connection, places: Sequence[Place], restarts: Mapping[str, int]
) -> list[TaskSource]:
    """The tasks of these lists; `restarts` of each job."""
    if not places:
        return []
    jobs, positions = zip(*places, strict=True)
    rows = await connection.fetch(TASKS, list(jobs), list(positions))
    return [
        task_source(_job_source(row), row["position"], row["task"], restarts[row["id"]])
        for row in rows
    ]


async def load_variables(connection: Connection, sources: Iterable[Source]) -> Variables:
    """Those that their expressions name, as stored."""
    jobs: list[str] = []
    names: list[str | None] = []
    for job_id, name in _wanted(sources):
        jobs.append(job_id)
        names.append(name)
    found: Variables = {}
    if jobs:
        for row in await connection.fetch(LOAD_VARIABLES, jobs, names):
            found.setdefault(row["job_id"], {})[row["name"]] = row["value"]
    return found


def job_of(source: Source) -> JobSource:
    return source.job if isinstance(source, TaskSource) else source


def _wanted(sources: Iterable[Source]) -> dict[tuple[str, str | None], None]:
    """Each once: the children of one task all read the same."""
    wanted: dict[tuple[str, str | None], None] = {}
    looked_at: set[tuple[str, int]] = set()
    for source in sources:
        job_id = job_of(source).job_id
        text = id(source.task) if isinstance(source, TaskSource) else 0
        if (job_id, text) in looked_at:
            continue
        looked_at.add((job_id, text))
        names = variables_read(source)
        wanted |= {(job_id, name): None for name in ((None,) if names is None else names)}
    return wanted


def _job_source(row: asyncpg.Record) -> JobSource:
    return JobSource(
        job_id=row["id"],
        name=row["name"],
        inputs=row["inputs"],
        sealed=row["sealed"],
        defaults=row["defaults"],
        output=row["output"],
        created_by=row["created_by"],
        permissions=row["permissions"],
        readers=row["readers"],
    )
