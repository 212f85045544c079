"""How the limits of a job let tasks begin that they have held back."""

from datetime import datetime

from shared.lifecycle.beginnings import ready_or_held_back, request_worker
from shared.lifecycle.commands import CountSlots, FillSlots
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.replacing import replace
from shared.lifecycle.slot_events import SlotCountDue, SlotFreed, SlotsCounted
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


def on_slot_count_due(job: Job, _: SlotCountDue) -> Decision | Ignored:
    if job.slots is None or job.state.is_final:
        return Ignored(f"job is {job.state}, and has no task that its limits hold back")
    return Decision(job, commands=(CountSlots(job.id),))


def on_slots_counted(job: Job, event: SlotsCounted) -> Decision | Ignored:
    if job.slots is None:
        return Ignored("job has no limits")
    counted = job.slots.as_counted(event.active, event.held_back, event.next_id)
    return Decision(replace(job, slots=counted))


def with_slots_filled(decision: Decision, now: datetime) -> Decision:
    """Whatever has left a slot, the next may begin in the same transaction."""
    if not decision.job.slots_to_fill(now):
        return decision
    return replace(decision, commands=(*decision.commands, FillSlots(decision.job.id)))
