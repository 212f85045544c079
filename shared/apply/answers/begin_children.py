"""Finds the children whose turn it is, as many as the transaction has a budget for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.apply.answers.plan import job_sources, reopen
from shared.apply.transaction import Transaction
from shared.lifecycle import (
    BeginChildren,
    ChildrenPutOff,
    OpenSequence,
    SequenceOpened,
    Task,
    TaskState,
)
from shared.planning.composites import child_task
from shared.planning.kept import submitted_task
from shared.planning.templates import JobSource, TaskSource
from shared.process.garbage import in_thread

_FEW = 50


async def begin_children(
    transaction: Transaction, asked: Sequence[BeginChildren]
) -> Sequence[TaskSource]:
    children = await _next(transaction, _within_budget(transaction, asked))
    # Those that a restart has come back to go on at once.
    reopened = [child for child in children if _has_begun_before(child)]
    if reopened:
        for _ in reopened:
            transaction.budget.take(None)
        await transaction.write_so_far()
        await reopen(transaction, reopened)
    return await _sources(transaction, [c for c in children if not _has_begun_before(c)])


async def open_sequences(transaction: Transaction, asked: Sequence[OpenSequence]) -> tuple[()]:
    # What the last of them has made was only decided: it must be written to be found.
    await transaction.write_so_far()
    found = await transaction.rows.next_sequences([question.task_id for question in asked])
    for question in asked:
        if (opened := found.get(question.task_id)) is not None:
            event = SequenceOpened(question.job_id, question.task_id, opened.sequence, opened.count)
            transaction.workspace.apply_event(event)
    return ()


def _has_begun_before(child: Task) -> bool:
    return child.children is not None or child.subjob_id is not None


def put_off(transaction: Transaction, children: Sequence[TaskSource]) -> None:
    """Children that were found don't begin in this transaction."""
    workspace = transaction.workspace
    tasks = [workspace.tasks[str(source.child_id)] for source in children]
    workspace.put_back(tasks)
    for parent_id, count in Counter(str(task.parent_id) for task in tasks).items():
        job_id = workspace.tasks[parent_id].job_id
        workspace.apply_event(ChildrenPutOff(job_id, parent_id, count))


def _within_budget(transaction: Transaction, asked: Sequence[BeginChildren]) -> list[BeginChildren]:
    """The rest is put off without being looked at."""
    left = transaction.budget.children
    possible: list[BeginChildren] = []
    for question in _one_for_each_parent(asked):
        count = min(question.count, left)
        left -= count
        if rest := question.count - count:
            transaction.workspace.apply_event(
                ChildrenPutOff(question.job_id, question.task_id, rest)
            )
        if count:
            possible.append(replace(question, count=count))
    return possible


def _one_for_each_parent(asked: Iterable[BeginChildren]) -> Iterable[BeginChildren]:
    """Two that end together ask twice; asked for separately, both would find the same next one."""
    of_parent: dict[str, BeginChildren] = {}
    for question in asked:
        if (other := of_parent.get(question.task_id)) is not None:
            question = replace(question, count=question.count + other.count)
        of_parent[question.task_id] = question
    return of_parent.values()


async def _next(transaction: Transaction, wanted: Sequence[BeginChildren]) -> list[Task]:
    """Of the children made in this transaction first, then of the stored ones; where sequences
    order them, these may come before: then all are stored."""
    workspace = transaction.workspace
    if any(question.by_sequence for question in wanted):
        await transaction.write_so_far()
    found: list[Task] = []
    more: list[BeginChildren] = []
    for question in wanted:
        made_here = workspace.take_created(question.task_id, question.count)
        found += made_here
        if missing := question.count - len(made_here):
            more.append(replace(question, count=missing))
    if not more:
        return found
    begun = [task.id for task in workspace.tasks.values() if task.state is not TaskState.CREATED]
    stored = await transaction.rows.next_created(more, begun)
    workspace.add_locked(stored)
    return found + stored


async def _sources(transaction: Transaction, children: Sequence[Task]) -> list[TaskSource]:
    if not children:
        return []
    of_parent: dict[str, list[Task]] = {}
    for child in children:
        of_parent.setdefault(str(child.parent_id), []).append(child)
    jobs = await job_sources(transaction, {child.job_id for child in children})
    parents = await _whole(transaction, of_parent)

    def made() -> list[TaskSource]:
        return [
            source
            for parent_id, own in of_parent.items()
            for source in _of_parent(transaction, parents[parent_id], own, jobs)
        ]

    return made() if len(children) <= _FEW else await in_thread(made)


async def _whole(transaction: Transaction, ids: Iterable[str]) -> dict[str, Task]:
    """With their definitions, which hold those of their children."""
    workspace = transaction.workspace
    tasks = {id_: workspace.tasks[id_] for id_ in ids}
    partial = [task for id_, task in tasks.items() if id_ in workspace.partial]
    return tasks | await transaction.rows.load_definitions(partial)


def _of_parent(
    transaction: Transaction, parent: Task, children: Sequence[Task], jobs: dict[str, JobSource]
) -> Iterable[TaskSource]:
    submitted = submitted_task(parent, transaction.planner.sealer)
    for child in children:
        yield TaskSource(
            job=jobs[child.job_id],
            position=child.position,
            task=child_task(submitted, child),
            task_id=child.id,
            child_id=child.id,
            scope=child.scope,
            spec_version=parent.spec_version,
        )
