"""From an evaluated task in its JSON form to the engine's view of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.jobspec.durations import parse_duration
from shared.jobspec.fields import MAX_KEY
from shared.lifecycle import PlannedTask, RetryPolicy, TaskKind
from shared.messages.queues import DEFAULT_TASK_QUEUE, task_queue_error
from shared.planning.rendering import PlanError
from shared.planning.templates import TaskJson


def planned_task(task: TaskJson) -> PlannedTask:
    """The engine's view of an evaluated task in its JSON form. Raises PlanError."""
    kind = kind_of(task)
    timeout = task.get("timeout")
    return PlannedTask(
        name=task.get("name") or "",
        queue=_queue(task) if kind is TaskKind.TASK else "",
        priority=task.get("priority") or 0,
        timeout=parse_duration(timeout) if timeout else None,
        retry=_retry(task.get("retry")),
        var=_var(task),
        definition=task,
        kind=kind,
        allow_failure=bool(task.get("allowFailure")),
        queue_timeout=_duration(task, "queueTimeout", timedelta()) or None,
    )


def kind_of(task: TaskJson) -> TaskKind:
    made_of = (TaskKind.PARALLEL, TaskKind.EACH, TaskKind.SUBJOB)
    return next((kind for kind in made_of if task.get(kind.value)), TaskKind.TASK)


def _queue(task: TaskJson) -> str:
    queue: str = task.get("queue") or DEFAULT_TASK_QUEUE
    if (error := task_queue_error(queue)) is not None:
        raise PlanError(f"queue: {queue!r}: {error}")
    return queue


def _var(task: TaskJson) -> str | None:
    var: str = task.get("var") or ""
    if len(var) > MAX_KEY:  # it is part of a key, which Postgres takes no longer
        raise PlanError(f"var: is evaluated longer than {MAX_KEY} characters")
    return var or None


def _retry(retry: Mapping[str, Any] | None) -> RetryPolicy:
    if not retry:
        return RetryPolicy()
    policy = RetryPolicy()
    return RetryPolicy(
        limit=retry.get("limit", policy.limit),
        initial_delay=_duration(retry, "initialDelay", policy.initial_delay),
        scaling_factor=retry.get("scalingFactor", policy.scaling_factor),
        max_delay=_duration(retry, "maxDelay", policy.max_delay),
        jitter=retry.get("jitter", policy.jitter),
        on=frozenset(map(str, retry["on"])) if retry.get("on") else None,
    )


def _duration(source: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
    return parse_duration(source[key]) if source.get(key) else default
