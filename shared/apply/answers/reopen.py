"""Reopens what a restart comes back to: composites that did not succeed go on as they are."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import Task, TaskPosition, TaskReopened


async def reopen_unfinished(
    transaction: Transaction, positions: Sequence[TaskPosition]
) -> list[TaskPosition]:
    """Those of `positions` at which there is nothing to reopen: they are planned anew."""
    workspace = transaction.workspace
    # Cancelled again in the same batch: its children must stay cancelled.
    positions = [p for p in positions if not workspace.jobs[p.job_id].state.is_final]
    if not positions:
        return []
    await transaction.write_so_far()
    unfinished = await transaction.rows.unfinished_at(positions)
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
