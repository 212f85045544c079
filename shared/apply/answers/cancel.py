"""Cancels what is not final of a job, or of the children of a task."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import CancelTasks, TaskCancelled


async def cancel_tasks(transaction: Transaction, wanted: Sequence[CancelTasks]) -> tuple[()]:
    await transaction.write_so_far()
    await transaction.rows.cancel_created(wanted)
    active = await transaction.rows.lock_active(wanted)
    transaction.workspace.add_locked(active)
    for task in active:
        transaction.workspace.apply_event(TaskCancelled(task.job_id, task.id))
    return ()
