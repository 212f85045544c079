"""Finds what of jobs' own lists is to be planned: the tasks whose turn it is, and outputs."""

from collections.abc import Collection, Iterable, Sequence

from shared.apply.answers.reopen import reopen_unfinished
from shared.apply.transaction import Transaction
from shared.lifecycle import EvaluateOutput, PlanDependents, PlanReady, PlanTask, TaskPosition
from shared.planning.sources import unsaved_job_source
from shared.planning.templates import JobSource


async def plan_task(transaction: Transaction, asked: Sequence[PlanTask]) -> Sequence[TaskPosition]:
    again = [TaskPosition(q.job_id, q.position) for q in asked if q.is_restart]
    first = [TaskPosition(q.job_id, q.position) for q in asked if not q.is_restart]
    return first + await reopen_unfinished(transaction, again)


async def plan_ready(
    transaction: Transaction, asked: Sequence[PlanReady]
) -> Sequence[TaskPosition]:
    first = await _ready(transaction, {q.job_id for q in asked if not q.is_restart})
    again = await _ready(transaction, {q.job_id for q in asked if q.is_restart})
    return first + await reopen_unfinished(transaction, again)


async def plan_dependents(
    transaction: Transaction, ended: Sequence[PlanDependents]
) -> Sequence[TaskPosition]:
    released: list[TaskPosition] = []
    stored: list[PlanDependents] = []
    for end in ended:
        if graph := transaction.workspace.unsaved_graph(end.job_id):
            released += [TaskPosition(end.job_id, p) for p in graph.end(end.position)]
        else:
            stored.append(end)
    return released + await transaction.rows.release(stored)


async def evaluate_output(
    transaction: Transaction, asked: Sequence[EvaluateOutput]
) -> Sequence[JobSource]:
    return list((await job_sources(transaction, {q.job_id for q in asked})).values())


async def job_sources(transaction: Transaction, ids: Collection[str]) -> dict[str, JobSource]:
    unsaved = transaction.workspace.unsaved
    new = {id_: unsaved_job_source(unsaved[id_]) for id_ in ids if id_ in unsaved}
    return new | await transaction.rows.load_jobs(ids - new.keys())


async def _ready(transaction: Transaction, job_ids: Iterable[str]) -> list[TaskPosition]:
    ready: list[TaskPosition] = []
    stored: list[str] = []
    for job_id in job_ids:
        if graph := transaction.workspace.unsaved_graph(job_id):
            ready += [TaskPosition(job_id, position) for position in graph.ready()]
        else:
            stored.append(job_id)
    return ready + await transaction.rows.ready(stored)
