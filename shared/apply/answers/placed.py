"""Has placed tasks take on a new version, count their executions, or come back at a restart."""

from collections.abc import Sequence
from dataclasses import replace

from shared.apply.answers.plan import reopen
from shared.apply.transaction import Transaction
from shared.lifecycle import (
    CountExecutions,
    Event,
    ExecutionRecalled,
    ExecutionsCounted,
    ReopenKept,
    ReplanPlaced,
    TaskPlanFailed,
    TaskPlanned,
    TaskPosition,
    TaskReplanned,
    TaskState,
)
from shared.planning.templates import Replan, TaskSource


async def replan_placed(
    transaction: Transaction, asked: Sequence[ReplanPlaced]
) -> Sequence[TaskSource]:
    workspace, rows = transaction.workspace, transaction.rows
    await transaction.write_so_far()
    positions = [TaskPosition(q.job_id, p) for q in asked for p in q.positions]
    kept = {TaskPosition(q.job_id, p) for q in asked for p in q.kept}
    running = await rows.placed_at(positions)
    workspace.add_locked(running)
    tasks = {TaskPosition(task.job_id, task.position): task.id for task in running}
    restarts = {job_id: workspace.jobs[job_id].restarts for job_id, _ in tasks}
    return [
        replace(source, replans=Replan(at.job_id, tasks[at], keeps=at in kept))
        for source in await rows.load_tasks(list(tasks), restarts)
        if (at := TaskPosition(source.job.job_id, source.position)) in tasks
    ]


def as_replanned(replan: Replan, event: Event) -> Event:
    """What planning answers for a task that has begun already."""
    ref = replan.job_id, replan.task_id
    match event:
        case TaskPlanned(planned=planned):
            return TaskReplanned(*ref, planned, keeps=replan.keeps)
        case TaskPlanFailed(error=error):
            return TaskReplanned(*ref, None, error=error)
        case _:
            return TaskReplanned(*ref, None, error="its new version's `if` gives false")


async def count_executions(transaction: Transaction, asked: Sequence[CountExecutions]) -> tuple[()]:
    workspace, rows, budget = transaction.workspace, transaction.rows, transaction.budget
    await transaction.write_so_far()
    found = await rows.executions_of({question.task_id for question in asked})
    for question in asked:
        children = workspace.tasks[question.task_id].children
        total = children.total if children else 0
        active = {e.index: e for e in found.get(question.task_id, ()) if not e.state.is_final}
        surplus = [e.id for index, e in active.items() if index >= total]
        begun = [i for i, e in active.items() if i < total and e.state is not TaskState.CREATED]
        workspace.apply_event(
            ExecutionsCounted(
                question.job_id,
                question.task_id,
                begun=len(begun),
                running=sum(e.state is TaskState.RUNNING for e in active.values()),
                missing=[index for index in range(total) if index not in active],
            )
        )
        # The scheduler finds those that are left.
        taken, budget.active_to_cancel = _taken(surplus, budget.active_to_cancel)
        workspace.add_locked(await rows.lock_tasks(taken))
        for id_ in taken:
            dispatch = workspace.tasks[id_].dispatch
            workspace.apply_event(ExecutionRecalled(question.job_id, id_, dispatch, "scale"))
    return ()


def _taken(ids: Sequence[str], most: int) -> tuple[Sequence[str], int]:
    return ids[:most], max(most - len(ids), 0)


async def reopen_kept(transaction: Transaction, asked: Sequence[ReopenKept]) -> tuple[()]:
    await transaction.write_so_far()
    ended = await transaction.rows.kept_to_reopen({question.job_id for question in asked})
    transaction.workspace.add_locked(ended)
    await reopen(transaction, ended)
    return ()
