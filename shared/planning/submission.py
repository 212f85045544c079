"""From what a client submitted, or a task stands for, to the job that enters the store."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.jobspec import OWN_SECRETS, SubmittedJob, parse_duration
from shared.jobspec.tork.graph import task_graph
from shared.lifecycle import Job, JobState, Parent
from shared.planning.extract_secrets import (
    hidden_text,
    without_clear_secrets,
    without_secret_inputs,
)
from shared.planning.new_job import NewJob
from shared.planning.templates import JobSource
from shared.process.redaction import Redactor

OWN_SECRETS_OF_PARENT = f"{OWN_SECRETS}parent."
"""How a sub-job names the values that its answers and logs must not show either."""

JobJson = Mapping[str, Any]


def new_job_id() -> str:
    return uuid.uuid4().hex


def new_job(
    spec: SubmittedJob,
    job_id: str,
    now: datetime,
    *,
    created_by: str | None = None,
    readers: Sequence[str] = (),
    schedule_id: str | None = None,
) -> NewJob:
    """The job in its first state, PENDING. `now` is aware UTC; `readers` as in `NewJob`."""
    submitted = spec.as_submitted()
    secrets = dict(spec.secret_values())
    tasks = without_clear_secrets(submitted["tasks"], secrets)
    needs = task_graph(tasks)
    return NewJob(
        job=_job(submitted, job_id, now, is_graph=needs is not None),
        tasks=tasks,
        secrets=secrets,
        needs=needs,
        created_by=created_by,
        permissions=submitted.get("permissions") or (),
        readers=readers,
        schedule_id=schedule_id,
        **_shown(submitted),
    )


def subjob_of(
    spec: JobJson,
    job_id: str,
    now: datetime,
    *,
    parent: Parent,
    is_detached: bool,
    inherited: Mapping[str, str],
    origin: JobSource,
) -> NewJob:
    """The job that the task `parent` stands for; `spec` is evaluated.

    It belongs to the creator of `origin`, and the same people may see it. `inherited` are secrets
    it has beside its own.
    """
    secrets = {**inherited, **(spec.get("secrets") or {})}
    shown = _without_secrets(spec, secrets)
    needs = task_graph(spec["tasks"])
    return NewJob(
        job=_job(
            spec, job_id, now, is_graph=needs is not None, parent=_waiting(parent, is_detached)
        ),
        tasks=spec["tasks"],
        secrets=secrets,
        needs=needs,
        created_by=origin.created_by,
        permissions=origin.permissions,
        readers=origin.readers,
        parent_job_id=parent.job_id,
        parent_task_id=parent.task_id,
        **_shown(shown),
    )


def _waiting(parent: Parent, is_detached: bool) -> Parent | None:
    return None if is_detached else parent


def _job(
    spec: JobJson, job_id: str, now: datetime, *, is_graph: bool, parent: Parent | None = None
) -> Job:
    return Job(
        id=job_id,
        state=JobState.PENDING,
        task_count=len(spec["tasks"]),
        created_at=now,
        has_output=bool(spec.get("output")),
        has_webhooks=bool(spec.get("webhooks")),
        is_graph=is_graph,
        parent=parent,
        timeout=_duration(spec.get("timeout")),
        auto_delete_after=_duration((spec.get("autoDelete") or {}).get("after")),
    )


def _shown(spec: JobJson) -> dict[str, Any]:
    """The fields that are only kept."""
    return {
        "name": spec["name"],
        "description": spec.get("description"),
        "tags": spec.get("tags") or (),
        "inputs": spec.get("inputs") or {},
        "output": spec.get("output"),
        "defaults": spec.get("defaults"),
        "webhooks": spec.get("webhooks") or (),
    }


def _duration(text: str | None) -> timedelta | None:
    return parse_duration(text) if text else None


def _without_secrets(spec: JobJson, secrets: dict[str, str]) -> JobJson:
    """What is only kept of an evaluated job, with nothing of `secrets` in it; what is needed in
    clear is added to these."""
    redactor = Redactor(secrets.values())
    return {
        **spec,
        "name": redactor.text(spec["name"]),
        "description": redactor.value(spec.get("description")),
        "inputs": without_secret_inputs(spec.get("inputs") or {}, secrets),
        "webhooks": _without_secret_headers(spec.get("webhooks") or (), secrets),
    }


def _without_secret_headers(
    webhooks: Sequence[JobJson], secrets: dict[str, str]
) -> list[dict[str, Any]]:
    """Header values that hold a secret, evaluated as they are, become secrets themselves."""
    redactor = Redactor(secrets.values())
    shown: list[dict[str, Any]] = []
    for place, webhook in enumerate(webhooks):
        headers = dict(webhook.get("headers") or {})
        for name, value in headers.items():
            if redactor.text(value) != value:
                headers[name] = hidden_text(f"webhook.{place}.{name}", value, secrets)
        shown.append({**webhook, "headers": headers} if headers else dict(webhook))
    return shown
