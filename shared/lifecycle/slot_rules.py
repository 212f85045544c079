"""How the limits of a job let tasks begin that they have held back."""

from datetime import datetime

from shared.lifecycle.beginnings import ready_or_held_back, request_worker
from shared.lifecycle.commands import FillSlots
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.replacing import replace
from shared.lifecycle.slot_events import SlotFreed
from shared.lifecycle.states import TaskState
from shared.lifecycle.values import Job, Task


def on_slot_freed(job: Job, task: Task, _: SlotFreed, now: datetime) -> Decision | Ignored:
    is_next = job.slots is not None and job.slots.next_id == task.id
    if task.state is not TaskState.PENDING or not task.is_held_back or is_next:
        return Ignored(f"task is {task.state}, and waits for no slot")
    ready = ready_or_held_back(job, task, now)
    if ready == task:
        return Ignored("no slot is free")
    builder = DecisionBuilder(job)
    builder.move_task(task, ready)
    builder.send(*request_worker(ready))
    return builder.build()


def with_slots_filled(decision: Decision, now: datetime) -> Decision:
    """Whatever has left a slot, the next may begin in the same transaction."""
    if not decision.job.slots_to_fill(now):
        return decision
    return replace(decision, commands=(*decision.commands, FillSlots(decision.job.id)))
