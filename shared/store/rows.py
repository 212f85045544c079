"""Rows to the core's values, and back to what the write statement takes."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import asyncpg

from shared.lifecycle import (
    Children,
    Job,
    JobState,
    Parent,
    PlannedTask,
    RetryPolicy,
    Task,
    TaskKind,
    TaskState,
)


def job_of(row: asyncpg.Record) -> Job:
    return Job(
        id=row["id"],
        state=JobState(row["state"]),
        task_count=row["task_count"],
        created_at=row["created_at"],
        position=row["position"],
        progress=row["progress"],
        version=row["version"],
        restarts=row["restarts"],
        has_output=row["has_output"],
        has_webhooks=row["has_webhooks"],
        is_graph=row["is_graph"],
        parent=_parent_of(row),
        timeout=row["timeout"],
        deadline_at=row["deadline_at"],
        auto_delete_after=row["auto_delete_after"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        failed_at=row["failed_at"],
        delete_at=row["delete_at"],
        result=row["result"],
        error=row["error"],
    )


def _parent_of(row: asyncpg.Record) -> Parent | None:
    """Who waits for the job; a job that was started detached has nobody."""
    if row["parent_dispatch"] is None:
        return None
    return Parent(
        job_id=row["parent_job_id"],
        task_id=row["parent_task_id"],
        dispatch=row["parent_dispatch"],
    )


def job_changes(job: Job) -> dict[str, object]:
    """What a decision can change of a job, by column."""
    return {
        "id": job.id,
        "state": job.state.value,
        "position": job.position,
        "progress": job.progress,
        "version": job.version,
        "restarts": job.restarts,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "failed_at": job.failed_at,
        "delete_at": job.delete_at,
        "deadline_at": job.deadline_at,
        "parent_dispatch": job.parent.dispatch if job.parent else None,
        "result": job.result,
        "error": job.error,
    }


def task_of(row: asyncpg.Record) -> Task:
    plan = PlannedTask(
        name=row["name"],
        queue=row["queue"],
        priority=row["priority"],
        timeout=row["timeout"],
        retry=retry_of(row["retry"]),
        var=row["var"],
        definition=row["definition"],
        sealed=row["sealed"],
        kind=TaskKind(row["kind"]),
        allow_failure=row["allow_failure"],
        queue_timeout=row["queue_timeout"],
    )
    return Task(
        id=row["id"],
        job_id=row["job_id"],
        position=row["position"],
        plan=plan,
        state=TaskState(row["state"]),
        created_at=row["created_at"],
        attempt=row["attempt"],
        dispatch=row["dispatch"],
        lost=row["lost"],
        engine_rejections=row["engine_rejections"],
        last_return_reason=row["last_return_reason"],
        progress=row["progress"],
        node_id=row["node_id"],
        due_at=row["due_at"],
        lease_expires_at=row["lease_expires_at"],
        deadline_at=row["deadline_at"],
        scheduled_at=row["scheduled_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        failed_at=row["failed_at"],
        result=row["result"],
        error=row["error"],
        log_parts=row["log_parts"],
        exit_code=row["exit_code"],
        parent_id=row["parent_id"],
        child_index=row["child_index"],
        scope=row["scope"],
        children=Children(**children) if (children := row["children"]) else None,
        subjob_id=row["subjob_id"],
    )


def task_changes(task: Task) -> dict[str, object]:
    """What a decision can change of a task, by column."""
    return {
        "id": task.id,
        "state": task.state.value,
        "dispatch": task.dispatch,
        "lost": task.lost,
        "engine_rejections": task.engine_rejections,
        "last_return_reason": task.last_return_reason,
        "progress": task.progress,
        "node_id": task.node_id,
        "due_at": task.due_at,
        "lease_expires_at": task.lease_expires_at,
        "deadline_at": task.deadline_at,
        "scheduled_at": task.scheduled_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "failed_at": task.failed_at,
        "result": task.result,
        "error": task.error,
        "log_parts": task.log_parts,
        "exit_code": task.exit_code,
        "children": asdict(task.children) if task.children else None,
        "subjob_id": task.subjob_id,
    }


def begun_task_row(task: Task) -> dict[str, object]:
    """What a decision changes of a task that waited for its turn and now begins."""
    plan = task.plan
    return task_changes(task) | {
        "name": plan.name,
        "queue": plan.queue,
        "priority": plan.priority,
        "var": plan.var,
        "timeout_seconds": _seconds(plan.timeout),
        "retry": retry_row(plan.retry),
        "definition": plan.definition,
        "sealed": plan.sealed,
        "kind": plan.kind.value,
        "allow_failure": plan.allow_failure,
        "queue_timeout_seconds": _seconds(plan.queue_timeout),
    }


def new_task_row(task: Task) -> dict[str, object]:
    return begun_task_row(task) | {
        "job_id": task.job_id,
        "position": task.position,
        "attempt": task.attempt,
        "created_at": task.created_at,
        "parent_id": task.parent_id,
        "child_index": task.child_index,
        "scope": task.scope,
    }


def retry_row(policy: RetryPolicy) -> dict[str, object]:
    """The policy as kept in `tasks.retry`; times in seconds. Defaults are left out."""
    if policy == RetryPolicy():
        return {}
    return {
        "limit": policy.limit,
        "initial_delay": policy.initial_delay.total_seconds(),
        "scaling_factor": policy.scaling_factor,
        "max_delay": policy.max_delay.total_seconds(),
        "jitter": policy.jitter,
        "on": None if policy.on is None else sorted(policy.on),
    }


def retry_of(row: Mapping[str, Any]) -> RetryPolicy:
    if not row:
        return RetryPolicy()
    return RetryPolicy(
        limit=row["limit"],
        initial_delay=timedelta(seconds=row["initial_delay"]),
        scaling_factor=row["scaling_factor"],
        max_delay=timedelta(seconds=row["max_delay"]),
        jitter=row["jitter"],
        on=None if (on := row.get("on")) is None else frozenset(on),
    )


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span else None
