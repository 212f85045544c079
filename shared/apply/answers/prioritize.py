"""Gives what waits of jobs the new priority of these."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import PrioritizeTasks, TaskPrioritized
from shared.planning.budgets import MOST_PRIORITIZED


async def prioritize_tasks(transaction: Transaction, asked: Sequence[PrioritizeTasks]) -> tuple[()]:
    workspace = transaction.workspace
    await transaction.write_so_far()
    jobs = {question.job_id for question in asked}
    waiting = await transaction.rows.lock_waiting(jobs, MOST_PRIORITIZED)
    workspace.add_locked(waiting)
    for task in waiting:
        workspace.apply_event(TaskPrioritized(task.job_id, task.id))
    return ()
