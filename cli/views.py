"""The parts of the API's answers that the command line reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

FINAL_JOB_STATES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
ENDED_TASK_STATES = frozenset({"COMPLETED", "FAILED", "CANCELLED", "STOPPED", "SKIPPED"})


@dataclass(frozen=True, slots=True)
class TaskView:
    """One row of a job's `execution`: an attempt at a task. `progress` is 0..100,
    `waits_for` why it does not run yet, `last_return_reason` why it was handed back. It ended as
    the task `reused_from`, or `reuse_miss` tells why it runs.

    `attempt` counts from 0; `child_index` counts the children of `parent_id`, from 0. A task that
    is made of others knows how many there will be, whether or not they have rows yet; a service or
    daemon, also how many run. `node_id` is that of an execution of a placed task.
    """

    id: str
    name: str
    position: int
    state: str
    progress: float
    error: str | None
    attempt: int
    waits_for: str | None = None
    last_return_reason: str | None = None
    queue: str | None = None
    parent_id: str | None = None
    child_index: int | None = None
    subjob_id: str | None = None
    children_total: int | None = None
    children_ended: int | None = None
    children_kept_running: int | None = None
    node_id: str | None = None
    exit_code: int | None = None
    result: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    reused_from: str | None = None
    reuse_miss: str | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as GET /jobs/{id} gives it. `task_names` are those of the submitted tasks, in order,
    and `waits_for` why each of them has not begun."""

    id: str
    name: str
    state: str
    progress: float
    task_names: tuple[str, ...]
    waits_for: tuple[str | None, ...]
    execution: tuple[TaskView, ...]
    result: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class LogPartView:
    """A piece of a task's log; `number` counts from 1 within the task, `stderr` are the first and
    the last line, from 1, of what came from there."""

    task_id: str
    number: int
    contents: str
    created_at: str = ""
    stderr: Sequence[Sequence[int]] = ()


def job_view(job: Json) -> JobView:
    return JobView(
        id=job["id"],
        name=job["name"],
        state=job["state"],
        progress=float(job.get("progress", 0)),
        task_names=tuple(task.get("name", "") for task in job.get("tasks") or ()),
        waits_for=tuple(map(_waits_for, job.get("tasks") or ())),
        execution=tuple(task_view(task) for task in job.get("execution") or ()),
        result=job.get("result"),
        error=job.get("error"),
    )


def _waits_for(task: Json) -> str | None:
    message: str | None = (task.get("waiting") or {}).get("message")
    return message


def task_view(task: Json) -> TaskView:
    total, ended = _children(task)
    return TaskView(
        id=task["id"],
        name=task.get("name", ""),
        position=int(task.get("position", 0)),
        state=task["state"],
        progress=float(task.get("progress", 0)),
        error=task.get("error"),
        attempt=int((task.get("retry") or {}).get("attempts", 0)),
        waits_for=_waits_for(task),
        last_return_reason=task.get("lastReturnReason"),
        queue=task.get("queue"),
        parent_id=task.get("parentId"),
        child_index=task.get("childIndex"),
        subjob_id=_subjob_id(task),
        children_total=total,
        children_ended=ended,
        children_kept_running=_kept_running(task.get("placement") or {}),
        node_id=task.get("nodeId") if task.get("execution") else None,
        exit_code=task.get("exitCode"),
        result=task.get("result"),
        created_at=task.get("createdAt"),
        started_at=task.get("startedAt"),
        ended_at=task.get("completedAt") or task.get("failedAt"),
        reused_from=task.get("reusedFrom"),
        reuse_miss=(task.get("reuseMiss") or {}).get("message"),
    )


def log_part_view(part: Json) -> LogPartView:
    return LogPartView(
        *(part["taskId"], int(part["number"]), part.get("contents", "")),
        created_at=part.get("createdAt", ""),
        stderr=part.get("stderr") or (),
    )


def items_of(answer: Any) -> Sequence[Json]:  # noqa: ANN401 - JSON
    """What a list holds, be it given as a whole or as a page."""
    return list(answer) if isinstance(answer, list) else list((answer or {}).get("items") or ())


def _subjob_id(task: Json) -> str | None:
    made_of = task.get("subjob") or task.get("partition") or {}
    return task.get("subjobId") or made_of.get("id")


def _kept_running(placement: Json) -> int | None:
    is_kept = placement.get("type") in ("service", "daemon") and "size" in placement
    return int(placement.get("running") or 0) if is_kept else None


def _children(task: Json) -> tuple[int | None, int | None]:
    if each := task.get("each"):
        return each.get("size"), each.get("completions")
    if spawn := task.get("spawn"):
        return spawn.get("size"), spawn.get("completions")
    if (placement := task.get("placement")) and "size" in placement:
        return placement.get("size"), placement.get("completions")
    if parallel := task.get("parallel"):
        return len(parallel.get("tasks") or ()), parallel.get("completions")
    return None, None
