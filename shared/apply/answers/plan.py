"""Finds what of jobs' own lists is to be planned: the tasks whose turn it is, and outputs.

A composite that did not succeed and that a restart comes back to is reopened, as it is, instead.
"""

from collections.abc import Collection, Iterable, Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import (
    EvaluateOutput,
    PlanDependents,
    PlanReady,
    PlanTask,
    Task,
    TaskPosition,
    TaskReopened,
)
from shared.planning.templates import JobSource, unsaved_job_source


async def plan_task(transaction: Transaction, asked: Sequence[PlanTask]) -> Sequence[TaskPosition]:
    again = [TaskPosition(q.job_id, q.position) for q in asked if q.is_restart]
    first = [TaskPosition(q.job_id, q.position) for q in asked if not q.is_restart]
    in_part = {q.job_id for q in asked if q.only_failed}
    return first + await reopen_unfinished(transaction, again, in_part)


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


async def reopen_unfinished(
    transaction: Transaction, positions: Sequence[TaskPosition], in_part: Collection[str] = ()
) -> list[TaskPosition]:
    """Those of `positions` at which there is nothing to reopen: they are planned anew. Of jobs
    `in_part` also what succeeded in spite of failed children is reopened."""
    workspace = transaction.workspace
    # Cancelled again in the same batch: its children must stay cancelled.
    positions = [p for p in positions if not workspace.jobs[p.job_id].state.is_final]
    if not positions:
        return []
    await transaction.write_so_far()
    unfinished = await transaction.rows.unfinished_at(positions, in_part)
    workspace.add_locked(unfinished)
    await reopen(transaction, unfinished)
    reopened = {(task.job_id, task.position) for task in unfinished}
    return [position for position in positions if position not in reopened]


async def reopen(transaction: Transaction, composites: Sequence[Task]) -> None:
    """What was decided of them must be written."""
    reopened = await transaction.rows.reopen_children(composites)
    transaction.workspace.forget(reopened.continued)
    for task in composites:
        left = reopened.left.get(task.id, 0)
        transaction.workspace.apply_event(TaskReopened(task.job_id, task.id, left))
