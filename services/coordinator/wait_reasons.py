"""Why a task or a job waits, in a word for programs and a sentence for people."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from services.coordinator import node_reasons
from services.coordinator.store import waiting
from services.coordinator.store.rows import JsonObject
from services.coordinator.store.waiting import LONGEST_LINE, Cluster, WaitingTask
from shared.definition.quantities import rate_text
from shared.lifecycle import Slots
from shared.messages.queues import slots_by_queue
from shared.postgres.pool import Connection
from shared.store.row_values import slots_of

Reason = Literal[
    "held",
    "start_at",
    "no_worker",
    "placement",
    "returned",
    "busy",
    "retry",
    "queue",
    "concurrency",
    "start_rate",
    "turn",
    "needs",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""The first that one of a job's tasks has is the job's."""

_NOT_BEGUN = frozenset({"CREATED", "PENDING", "SCHEDULED"})
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """`until` is known of a retry, of the next start at a rate, and of a job with a time to begin
    at. `task_id`: of a job, which task waits."""

    reason: Reason
    message: str
    until: datetime | None = None
    task_id: str | None = None


class Attempt(Protocol):
    """What of an attempt says whether it may wait."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def subjob_id(self) -> str | None: ...
    @property
    def children(self) -> JsonObject | None: ...


def may_wait(tasks: Iterable[Attempt]) -> list[str]:
    """The ids of those that have not begun, or stand for a job or executions that may not have."""
    return [
        task.id
        for task in tasks
        if task.state in _NOT_BEGUN or (task.state == "RUNNING" and _may_wait_while_it_runs(task))
    ]


def _may_wait_while_it_runs(task: Attempt) -> bool:
    return task.subjob_id is not None or (task.children or {}).get("total") == 0


async def of_tasks(connection: Connection, ids: Collection[str]) -> Mapping[str, Waiting]:
    """By id, of those that wait."""
    return await _reasons(connection, await waiting.tasks(connection, ids)) if ids else {}


async def of_jobs(connection: Connection, ids: Collection[str]) -> Mapping[str, Waiting]:
    """By id, of those of which something waits and no worker runs anything."""
    not_entered = await waiting.not_entered(connection, ids) if ids else []
    found = await waiting.tasks_of_jobs(connection, ids) if ids else []
    reasons = await _reasons(connection, found)
    # Where a sub-job goes on, its parent waits for nothing.
    go_on = {task.job_id for task in found if task.id not in reasons}
    of_job: dict[str, Waiting] = {}
    for task in found:
        if task.job_id not in go_on:
            named = replace(reasons[task.id], task_id=task.id)
            of_job[task.job_id] = min(of_job.get(task.job_id, named), named, key=_rank_of_reason)
    return of_job | {job_id: _for_its_start(start_at) for job_id, start_at in not_entered}


async def of_submitted(
    connection: Connection, job_id: str, names: Mapping[int, str], positions: range
) -> Mapping[int, Waiting]:
    """By position, of the tasks there that have not begun; `names` are of those that are known."""
    awaited = await waiting.awaited(connection, job_id, positions[0], positions[-1])
    return {
        position: _for_others([names.get(other) or f"task {other}" for other in others])
        for position, others in awaited.items()
    }


async def _reasons(connection: Connection, tasks: Sequence[WaitingTask]) -> Mapping[str, Waiting]:
    """By id, of those that wait."""
    if not tasks:
        return {}
    of_subjobs = await of_jobs(connection, {task.subjob_id for task in tasks if task.subjob_id})
    of_nodes = await node_reasons.messages_of(connection, tasks)
    queues = {task.queue for task in tasks if task.state == "SCHEDULED" and task.queue}
    cluster = await waiting.cluster(connection, queues)
    served = slots_by_queue(cluster.online)
    lines = {queue: sorted(map(_queue_position, line)) for queue, line in cluster.lines.items()}
    reasons: dict[str, Waiting] = {}
    for task in tasks:
        if task.waits_for_a_node:
            reasons[task.id] = _for_a_node(task, of_nodes[task.id])
        elif task.subjob_id is None:
            reasons[task.id] = reason_of(task, cluster, served, lines)
        elif (why := of_subjobs.get(task.subjob_id)) is not None:
            message = f"job {task.subjob_id}: {why.message}"
            reasons[task.id] = Waiting(why.reason, message, why.until)
    return reasons


QueuePosition = tuple[int, datetime, int]
"""The smaller is served before."""


def reason_of(
    task: WaitingTask,
    cluster: Cluster,
    served: Mapping[str, int],
    lines: Mapping[str, Sequence[QueuePosition]],
) -> Waiting:
    """`served` are the slots by queue, `lines` the sorted positions in each queue."""
    if (limits := slots_of(task.slots)) is not None:
        return _for_limits_of_its_job(limits, task.due_at)
    if task.state == "PENDING":
        return _for_its_retry(task, cluster.now)
    if task.state == "CREATED":
        return _for_its_turn(task)
    if task.placement is not None:
        return Waiting("queue", f"waits for the node it was sent to ({task.node_id})")
    slots = served.get(task.queue)
    if slots is None:
        return Waiting("no_worker", nobody_serves(task.queue, served))
    if task.last_return_reason:
        return Waiting("returned", f"handed back by a worker: {task.last_return_reason}")
    busy = cluster.busy.get(task.queue, 0)
    ahead = _ahead_of(task, lines.get(task.queue, ()))
    if busy >= slots:
        return Waiting("busy", f"{busy} of {slots} slots busy, {ahead} ahead")
    return Waiting("queue", f"waits for a worker, {busy} of {slots} slots busy, {ahead} ahead")


def _rank_of_reason(waiting: Waiting) -> int:
    return REASONS.index(waiting.reason)


def _queue_position(waits: tuple[int, datetime, int]) -> QueuePosition:
    priority, scheduled_at, child_index = waits
    return -priority, scheduled_at, child_index


def _ahead_of(task: WaitingTask, line: Sequence[QueuePosition]) -> str:
    if task.scheduled_at is None:
        return "0"
    ahead = bisect_left(line, (-task.priority, task.scheduled_at, task.child_index or 0))
    return f"{LONGEST_LINE:,} or more" if ahead == LONGEST_LINE else str(ahead)


def nobody_serves(queue: str, served: Mapping[str, int]) -> str:
    if not served:
        return f"no worker is online (queue '{queue}')"
    return f"no worker serves queue '{queue}' (served: {_listed(sorted(served))})"


def _for_a_node(task: WaitingTask, message: str) -> Waiting:
    if task.last_return_reason:
        message = f"{message}; handed back by a worker: {task.last_return_reason}"
    return Waiting("placement", message)


def _for_its_start(start_at: datetime | None) -> Waiting:
    if start_at is None:
        return Waiting("held", "held until its release")
    return Waiting("start_at", f"begins at {start_at:%Y-%m-%d %H:%M:%S} UTC", start_at)


def _for_its_retry(task: WaitingTask, now: datetime) -> Waiting:
    if task.due_at is None or task.due_at <= now:
        return Waiting("retry", f"retry {task.attempt} is due", task.due_at)
    seconds = (task.due_at - now).total_seconds()
    return Waiting("retry", f"retry {task.attempt} in {_rounded(seconds)}", task.due_at)


def _for_its_turn(task: WaitingTask) -> Waiting:
    siblings: Counter[Any] = Counter(task.siblings or {})
    ahead = max((task.child_index or 0) - siblings["begun"], 0)
    if not (concurrency := siblings["concurrency"]):
        return Waiting("turn", f"waits for its turn, {ahead} ahead")
    active = siblings["begun"] - siblings["ended"]
    return Waiting("concurrency", f"{active} of {concurrency} at a time are active, {ahead} ahead")


def _for_limits_of_its_job(slots: Slots, due_at: datetime | None) -> Waiting:
    active, concurrency, rate = slots.active, slots.concurrency, slots.rate
    if concurrency and active >= concurrency:
        message = f"{active} of at most {concurrency} tasks of the job are active"
        return Waiting("concurrency", message)
    if rate is None:
        return Waiting("concurrency", "it is the job's next task to start")
    pace = rate_text(rate.count, rate.seconds)
    return Waiting("start_rate", f"the job starts at most {pace}", due_at)


def _for_others(names: Sequence[str]) -> Waiting:
    return Waiting("needs", f"waits for task{'s' * (len(names) > 1)} {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _rounded(seconds: float) -> str:
    if seconds < 120:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"
