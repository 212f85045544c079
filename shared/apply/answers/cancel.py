"""Cancels what is not final of a job or of the children of a task, as far as the budget goes."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import CancelPutOff, CancelTasks, TaskCancelled


async def cancel_tasks(transaction: Transaction, wanted: Sequence[CancelTasks]) -> tuple[()]:
    """Families within families as well: the slots that come free are filled next, and must not be
    with what is still to be cancelled."""
    while wanted:
        await _cancel(transaction, wanted)
        wanted = transaction.workspace.take_questions(CancelTasks)
    return ()


async def _cancel(transaction: Transaction, wanted: Sequence[CancelTasks]) -> None:
    workspace, budget = transaction.workspace, transaction.budget
    await transaction.write_so_far()
    budget.created_to_cancel -= await transaction.rows.cancel_created(
        wanted, budget.created_to_cancel
    )
    active = await transaction.rows.lock_active(wanted, budget.active_to_cancel)
    budget.active_to_cancel -= len(active)
    workspace.add_locked(active)
    for task in active:
        workspace.apply_event(TaskCancelled(task.job_id, task.id))
    if not budget.active_to_cancel or not budget.created_to_cancel:
        for job_id in dict.fromkeys(question.job_id for question in wanted):
            workspace.apply_event(CancelPutOff(job_id))
