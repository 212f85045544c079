"""What an attempt has held of its worker.

An attempt counts once, when it has ended, from the claim of its last dispatch to its end, whatever
end that is. What a dispatch held that was lost or handed back counts for nothing: that is ours to
bear. It counts by what it may take, as nobody else can have that meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.lifecycle.costs import Usage
from shared.lifecycle.decision import Decision
from shared.lifecycle.policies import grown_memory
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import TaskKind, TaskState
from shared.lifecycle.values import Job, PlannedTask, Task

_MIB = 1024 * 1024
DEFAULT_MILLICPUS = 1000
DEFAULT_MEMORY = 1024 * _MIB
"""What a task counts as that says nothing of processors, or of memory."""


def held(task: Task, now: datetime) -> Usage:
    """By the attempt, which ends now."""
    resources = task.plan.resources or {}
    started_at = task.started_at or now
    millis = max((now - started_at) // timedelta(milliseconds=1), 0)
    memory = _memory(task.plan)
    return Usage(
        attempts=1,
        run_ms=millis,
        cpu_us=(resources.get("millicpus") or DEFAULT_MILLICPUS) * millis,
        memory_mib_ms=-(-memory // _MIB) * millis,
        gpu_ms=resources.get("gpus", 0) * millis,
    )


def _memory(plan: PlannedTask) -> int:
    """After attempts that ran out of it, more."""
    declared = (plan.resources or {}).get("memory") or DEFAULT_MEMORY
    policy = plan.retry
    return grown_memory(declared, policy.memory_scale, policy.most_memory)


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


@dataclass(frozen=True, slots=True)
class Charge:
    """What a job that has ended still owes: `total` is what it costs, what it was charged before
    included."""

    owner: str
    job_id: str
    amount: Decimal
    total: Decimal
    unit: str


def charge_of(job: Job) -> Charge | None:
    """Once for a job, and once more for what it costs later: when it is restarted, or when tasks of
    it end that were cancelled with it."""
    if job.payer is None or job.rates is None or not job.state.is_final:
        return None
    total = job.cost
    if total <= job.charged:
        return None
    return Charge(job.payer, job.id, total - job.charged, total, job.rates.unit)
