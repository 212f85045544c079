"""From what a client submitted to the job that enters the store."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.expressions import has_expression
from shared.jobspec import OWN_SECRETS, JobSpec, parse_duration
from shared.lifecycle import Job, JobState
from shared.store.new_job import NewJob


def new_job_id() -> str:
    return uuid.uuid4().hex


def new_job(
    spec: JobSpec,
    job_id: str,
    now: datetime,
    *,
    created_by: str | None = None,
    readers: Sequence[str] = (),
    schedule_id: str | None = None,
) -> NewJob:
    """The job in its first state, PENDING. `now` is aware UTC; `readers` as in `NewJob`."""
    after = parse_duration(spec.auto_delete.after) if spec.auto_delete else None
    secrets = dict(spec.secret_values())
    tasks = [
        _without_password(position, task.as_submitted(), secrets)
        for position, task in enumerate(spec.tasks, start=1)
    ]
    return NewJob(
        job=Job(
            id=job_id,
            state=JobState.PENDING,
            task_count=len(spec.tasks),
            created_at=now,
            has_output=spec.output is not None,
            has_webhooks=bool(spec.webhooks),
            auto_delete_after=after,
        ),
        name=spec.name,
        tasks=tasks,
        description=spec.description,
        tags=spec.tags or (),
        created_by=created_by,
        readers=readers,
        schedule_id=schedule_id,
        inputs=spec.inputs or {},
        secrets=secrets,
        output=spec.output,
        defaults=spec.defaults.as_submitted() if spec.defaults else None,
        webhooks=[webhook.as_submitted() for webhook in spec.webhooks or ()],
    )


def _without_password(
    position: int, task: dict[str, Any], secrets: dict[str, str]
) -> dict[str, Any]:
    """The task with its registry's password moved to the secrets, so that it is encrypted."""
    registry = task.get("registry") or {}
    password = registry.get("password", "")
    if not password or has_expression(password):
        return task
    name = f"{OWN_SECRETS}registry.{position}"
    secrets[name] = password
    hidden = {**registry, "password": '{{ secrets["' + name + '"] }}'}
    return {**task, "registry": hidden}
