"""Finds the tasks that the limits of their jobs have held back, and let begin now."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import FillSlots, SlotFreed


async def fill_slots(transaction: Transaction, asked: Sequence[FillSlots]) -> tuple[()]:
    workspace = transaction.workspace
    jobs = {question.job_id: workspace.jobs[question.job_id] for question in asked}
    counts = {
        id_: count for id_, job in jobs.items() if (count := job.slots_to_fill(workspace.now))
    }
    if not counts:
        return ()
    await transaction.write_so_far()  # some may have been held back just now
    timed = [slots.next_id for id_ in counts if (slots := jobs[id_].slots) and slots.next_id]
    found = await transaction.rows.next_held_back(counts, timed)
    workspace.add_locked(found)
    for task in found:
        workspace.apply_event(SlotFreed(task.job_id, task.id))
    return ()
