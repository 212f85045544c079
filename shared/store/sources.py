"""Answers the questions of decisions: what stands at a position, what is a job's output.

All questions of a round are answered together: one query for the tasks, one for the variables,
however many jobs ask.
"""

from collections.abc import Iterable, Sequence

import asyncpg

from shared.lifecycle import EvaluateOutput, Event, PlanTask
from shared.postgres.pool import Connection
from shared.store.new_job import NewJob
from shared.store.planning import Planner
from shared.store.templates import JobSource, TaskSource, variables_read

LOAD_SOURCES = """
SELECT j.id, j.name, j.inputs, j.sealed, j.defaults, j.output, p.position, t.task
FROM unnest($1::text[], $2::int[]) AS p(job_id, position)
JOIN jobs j ON j.id = p.job_id
LEFT JOIN job_tasks t ON t.job_id = p.job_id AND t.position = p.position
"""

LOAD_VARIABLES = """
SELECT v.job_id, v.name, v.value
FROM unnest($1::text[], $2::text[]) AS r(job_id, name)
JOIN job_variables v ON v.job_id = r.job_id AND (r.name IS NULL OR v.name = r.name)
"""

Question = PlanTask | EvaluateOutput
_Source = TaskSource | JobSource
Variables = dict[str, dict[str, str]]
"""Variables set in this transaction and not yet written: job id, name, value."""


async def answer(
    connection: Connection,
    planner: Planner,
    questions: Sequence[Question],
    new_jobs: dict[str, tuple[NewJob, str | None]],
    unwritten: Variables,
) -> list[Event]:
    sources = [_source_of_new(q, *new_jobs[q.job_id]) for q in questions if q.job_id in new_jobs]
    sources += await _load_sources(connection, [q for q in questions if q.job_id not in new_jobs])
    variables = await _load_variables(connection, sources)
    answers: list[Event] = []
    for source in sources:
        job_id = _job_of(source).job_id
        seen = variables.get(job_id, {}) | unwritten.get(job_id, {})
        if isinstance(source, TaskSource):
            answers.append(planner.plan(source, seen))
        else:
            answers.append(planner.output(source, seen))
    return answers


def _source_of_new(question: Question, new: NewJob, sealed: str | None) -> _Source:
    job = JobSource(new.job.id, new.name, new.inputs, sealed, new.defaults, new.output)
    if isinstance(question, EvaluateOutput):
        return job
    return TaskSource(job, question.position, new.tasks[question.position - 1])


async def _load_sources(connection: Connection, questions: Sequence[Question]) -> list[_Source]:
    if not questions:
        return []
    positions = [q.position if isinstance(q, PlanTask) else None for q in questions]
    rows = await connection.fetch(LOAD_SOURCES, [q.job_id for q in questions], positions)
    return [_source_of_row(row) for row in rows]


def _source_of_row(row: asyncpg.Record) -> _Source:
    job = JobSource(
        row["id"], row["name"], row["inputs"], row["sealed"], row["defaults"], row["output"]
    )
    return job if row["position"] is None else TaskSource(job, row["position"], row["task"])


async def _load_variables(connection: Connection, sources: Iterable[_Source]) -> Variables:
    wanted: list[tuple[str, str | None]] = []
    for source in sources:
        names = variables_read(source)
        job_id = _job_of(source).job_id
        wanted += [(job_id, None)] if names is None else [(job_id, name) for name in names]
    found: Variables = {}
    if wanted:
        jobs, names_wanted = zip(*wanted, strict=True)
        for row in await connection.fetch(LOAD_VARIABLES, list(jobs), list(names_wanted)):
            found.setdefault(row["job_id"], {})[row["name"]] = row["value"]
    return found


def _job_of(source: _Source) -> JobSource:
    return source.job if isinstance(source, TaskSource) else source
