"""What an attempt has held of its worker.

An attempt counts once, when it has ended, from the claim of its last dispatch to its end, whatever
end that is. What a dispatch held that was lost or handed back counts for nothing: that is ours to
bear. It counts by what it may take, as nobody else can have that meanwhile.
"""

from datetime import datetime, timedelta

from shared.lifecycle.costs import Usage
from shared.lifecycle.decision import Decision
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import TaskKind, TaskState
from shared.lifecycle.values import Task

_MIB = 1024 * 1024
DEFAULT_MILLICPUS = 1000
DEFAULT_MEMORY = 1024 * _MIB
"""What a task counts as that says nothing of processors, or of memory."""


def held(task: Task, now: datetime) -> Usage:
    """By the attempt, which ends now."""
    resources = task.plan.resources or {}
    started_at = task.started_at or now
    millis = max((now - started_at) // timedelta(milliseconds=1), 0)
    memory = resources.get("memory") or DEFAULT_MEMORY
    return Usage(
        attempts=1,
        run_ms=millis,
        cpu_us=(resources.get("millicpus") or DEFAULT_MILLICPUS) * millis,
        memory_mib_ms=-(-memory // _MIB) * millis,
        gpu_ms=resources.get("gpus", 0) * millis,
    )


def metered(before: Task, decision: Decision, now: datetime) -> Decision:
    """The decision with what the attempt held, if it ends it."""
    if before.state is not TaskState.RUNNING or before.plan.kind is not TaskKind.TASK:
        return decision
    ended = next((t for t in decision.tasks if t.id == before.id and t.state.is_final), None)
    if ended is None:
        return decision
    usage = held(before, now)
    job = decision.job
    total = usage if job.usage is None else job.usage.plus(usage)
    tasks = tuple(replace(t, usage=usage) if t is ended else t for t in decision.tasks)
    return replace(decision, tasks=tasks, job=replace(job, usage=total))
