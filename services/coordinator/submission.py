"""From what a client submitted to the job that enters the store."""

import uuid
from datetime import datetime

from shared.jobspec import JobSpec, parse_duration
from shared.lifecycle import Job, JobState
from shared.store.new_job import NewJob


def new_job_id() -> str:
    return uuid.uuid4().hex


def new_job(spec: JobSpec, job_id: str, now: datetime, created_by: str | None = None) -> NewJob:
    """The job in its first state, PENDING. `now` is aware UTC."""
    after = parse_duration(spec.auto_delete.after) if spec.auto_delete else None
    return NewJob(
        job=Job(
            id=job_id,
            state=JobState.PENDING,
            task_count=len(spec.tasks),
            created_at=now,
            has_output=spec.output is not None,
            auto_delete_after=after,
        ),
        name=spec.name,
        tasks=[task.as_submitted() for task in spec.tasks],
        description=spec.description,
        tags=spec.tags or (),
        created_by=created_by,
        inputs=spec.inputs or {},
        secrets=spec.secret_values(),
        output=spec.output,
        defaults=spec.defaults.as_submitted() if spec.defaults else None,
        webhooks=[webhook.as_submitted() for webhook in spec.webhooks or ()],
    )
