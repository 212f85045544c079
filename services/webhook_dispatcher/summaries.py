"""What a webhook tells of a job or a task: Tork's summaries, and how conditions read them.

Conditions written for Tork read its Go structs: `job.State`, `task.JobID`, where a text that is not
set is "" and a time is a time. They may read the names of the JSON form as well.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhook_dispatcher.bodies import time_text
from shared.expressions import TextMap, moment
from shared.jobspec.bytenite.phases import Phase, phase_entered
from shared.jobspec.event_fields import go_name
from shared.lifecycle import shown_position
from shared.messages import Change

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINAL = ("COMPLETED", "FAILED", "CANCELLED")
_TEXTS = ("id", "parentId", "name", "description", "state", "result", "error")
_TIMES = ("createdAt", "scheduledAt", "startedAt", "completedAt", "failedAt")
_UNSET: dict[str, object] = {
    **dict.fromkeys(_TEXTS, ""),
    **dict.fromkeys(_TIMES),
    "tags": [],
    "position": 0,
    "progress": 0.0,
}
_UNSET_JOB = _UNSET | {"inputs": TextMap(), "taskCount": 0, "createdBy": None, "schedule": None}
_UNSET_JOB["phase"] = ""
_UNSET_TASK = _UNSET | {"jobId": "", "var": "", "nodeId": "", "attempt": 0, "at": None}


def summary_of(change: Change, job: Mapping[str, Any]) -> dict[str, object]:
    """The body: of a task if one changed, else of the job (a row)."""
    return _task(change) if change.task_id else _job(change, job)


def phase_summary(change: Change, job: Mapping[str, Any], phase: str | None) -> dict[str, object]:
    """The body that tells of a phase: of the job, also where a stage of it changed."""
    if change.task_id is None:
        return {**_job(change, job), "phase": phase}
    now = job_now(job)
    state = "RUNNING" if job["state"] in _FINAL else job["state"]  # it has ended since
    return {**now, "state": state, "phase": phase}


def phase_of_change(change: Change) -> Phase | None:
    """The phase that it begins."""
    if change.is_progress or change.parent_id is not None:
        return None
    return phase_entered(
        change.state,
        change.position,
        is_task=change.task_id is not None,
        attempt=change.attempt,
        is_first=change.version == 0,
        begins_run=change.begins_run,
    )


def names_of_summary(summary: Mapping[str, object], job: Mapping[str, object]) -> dict[str, object]:
    """What a webhook's expressions may read: `job`, and `task` where the summary is a task's.

    `job` is what they read there of the task's job.
    """
    if "jobId" in summary:
        return {
            "task": _as_in_go({**_UNSET_TASK, **summary}),
            "job": _as_in_go({**_UNSET_JOB, **job}),
        }
    return {"job": _as_in_go({**_UNSET_JOB, **summary})}


def job_now(job: Mapping[str, Any]) -> dict[str, object]:
    """The job of a task that changed, as it is now: a task's change doesn't tell."""
    now = {name: job[name] for name in ("state", "progress")}
    position = shown_position(job["state"], job["position"], job["task_count"])
    return _filled({**_facts(job), **now, "position": position})


def _as_in_go(summary: Mapping[str, object]) -> dict[str, object]:
    return {**summary, **{go_name(name): _go_value(name, v) for name, v in summary.items()}}


def _go_value(name: str, value: object) -> object:
    if name.endswith("At") and isinstance(value, str):
        return moment((datetime.fromisoformat(value) - _EPOCH) // timedelta(microseconds=1))
    if name == "inputs" and isinstance(value, Mapping):
        return TextMap(value)
    if name in ("createdBy", "schedule") and isinstance(value, Mapping):
        return _as_in_go(value)
    return value


def _job(change: Change, job: Mapping[str, Any]) -> dict[str, object]:
    return _filled(
        {
            **_facts(job),
            "state": change.state,
            "completedAt": _time(change.at) if change.state == "COMPLETED" else None,
            "failedAt": _time(change.at) if change.state == "FAILED" else None,
            **(_cancel(change, job) if change.state == "CANCELLED" else {}),
            "position": change.position,
            "progress": change.progress,
            "result": change.result,
            "error": change.error,
        }
    )


def _cancel(change: Change, job: Mapping[str, Any]) -> dict[str, object]:
    return {
        "cancelledAt": _time(change.at),
        "cancelledBy": job["cancelled_by"],
        "cancelReason": job["cancel_reason"],
    }


def _facts(job: Mapping[str, Any]) -> dict[str, object]:
    schedule = {
        "id": job["schedule_id"],
        "cron": job["schedule_cron"],
        "scheduledAt": _time(job["schedule_at"]),
    }
    return {
        "id": job["id"],
        "createdBy": job["created_by"],
        "parentId": job["parent_task_id"],
        "name": job["name"],
        "description": job["description"],
        "tags": job["tags"],
        "inputs": job["inputs"],
        "createdAt": _time(job["created_at"]),
        "startedAt": _time(job["started_at"]),
        "taskCount": job["task_count"],
        "schedule": _filled(schedule),
    }


def _task(change: Change) -> dict[str, object]:
    is_done = change.state == "COMPLETED" and not change.is_progress
    return _filled(
        {
            "id": change.task_id,
            "jobId": change.job_id,
            "parentId": change.parent_id,
            "name": change.task_name,
            "description": change.description,
            "tags": change.tags,
            "var": change.var,
            "position": change.position,
            "state": change.state,
            "createdAt": _time(change.created_at),
            "scheduledAt": _time(change.scheduled_at),
            "startedAt": _time(change.started_at),
            "completedAt": _time(change.completed_at),
            "failedAt": _time(change.failed_at),
            "attempt": change.attempt or None,
            "nodeId": change.node_id,
            "progress": None if is_done else change.progress,  # Tork tells what the task has told
            "result": change.result,
            "error": change.error,
            "at": _time(change.at),
        }
    )


def _filled(summary: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in summary.items() if value not in (None, "", [], {})}


def _time(at: datetime | None) -> str | None:
    return time_text(at) if at else None


UNSET_NAMES: Mapping[str, Mapping[str, object]] = {
    "job": _as_in_go(_UNSET_JOB),
    "task": _as_in_go(_UNSET_TASK),
    "schedule": {},
    "endpoint": {},
}
"""What filters of endpoints read of what an event is not about."""
