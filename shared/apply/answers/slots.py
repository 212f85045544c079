"""What counts for the limits of jobs; the tasks that these have held back, and let begin now."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import CountSlots, FillSlots, SlotFreed, SlotsCounted
from shared.store.slot_counts import NO_SLOTS


async def count_slots(transaction: Transaction, asked: Sequence[CountSlots]) -> tuple[()]:
    await transaction.write_so_far()
    job_ids = {question.job_id for question in asked}
    counts = await transaction.rows.count_slots(job_ids)
    for job_id in job_ids:
        transaction.workspace.apply_event(SlotsCounted(job_id, *counts.get(job_id, NO_SLOTS)))
    return ()


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
