"""Rows to the core's values, and back to what the write statement takes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg

from shared.lifecycle import Job, JobState, PlannedTask, RetryPolicy, Task, TaskState


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
        auto_delete_after=row["auto_delete_after"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        failed_at=row["failed_at"],
        delete_at=row["delete_at"],
        result=row["result"],
        error=row["error"],
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
    )


def task_changes(task: Task) -> dict[str, object]:
    """What a decision can change of a task, by column."""
    return {
        "id": task.id,
        "state": task.state.value,
        "dispatch": task.dispatch,
        "lost": task.lost,
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
    }


def new_task_row(task: Task) -> dict[str, object]:
    plan = task.plan
    return task_changes(task) | {
        "job_id": task.job_id,
        "position": task.position,
        "name": plan.name,
        "queue": plan.queue,
        "priority": plan.priority,
        "var": plan.var,
        "timeout_seconds": plan.timeout.total_seconds() if plan.timeout else None,
        "retry": retry_row(plan.retry),
        "definition": plan.definition,
        "sealed": plan.sealed,
        "attempt": task.attempt,
        "created_at": task.created_at,
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
    )
