"""From what a client submitted, or a task stands for, to the job that enters the store."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from shared.definition import (
    JobDefinition,
    SubJobDefinition,
    Webhook,
    changed,
    keeps_files,
    span_of,
    task_graph,
)
from shared.expressions import has_expression
from shared.jobspec.limits import OWN_SECRETS
from shared.lifecycle import Job, JobState, Parent, Slots, StartRate
from shared.planning.new_job import Needs, NewJob
from shared.planning.secrets import (
    extract_secrets,
    extract_signing_secrets,
    hidden_values,
    moved_to_secrets,
    without_secret_inputs,
)
from shared.planning.taking import with_places
from shared.planning.templates import JobSource
from shared.process.redaction import Redactor

OWN_SECRETS_OF_PARENT = f"{OWN_SECRETS}parent."
"""How a sub-job names the values that its answers and logs must not show either."""


_SHORT = 3


def new_job_id() -> str:
    return uuid.uuid4().hex


def new_job(
    definition: JobDefinition,
    job_id: str,
    now: datetime,
    *,
    created_by: str | None = None,
    readers: Sequence[str] = (),
    schedule_id: str | None = None,
    schedule_at: datetime | None = None,
) -> NewJob:
    """The job in its first state, PENDING. `now` is aware UTC; `readers` as in `NewJob`."""
    secrets = dict(definition.secrets)
    tasks = with_places(extract_secrets(definition.tasks, secrets))
    webhooks = extract_signing_secrets(definition.webhooks, secrets)
    # What is taken out here is lost for good: a secret of one letter would garble all names.
    redactor = Redactor(value for value in hidden_values(secrets) if len(value) > _SHORT)
    needs = task_graph(tasks)
    return NewJob(
        job=replace(_job(definition, job_id, now, needs), schedule_id=schedule_id),
        definition=changed(
            definition,
            name=redactor.text(definition.name),
            description=redactor.value(definition.description),
            tags=tuple(map(redactor.text, definition.tags)),
            tasks=tasks,
            webhooks=webhooks,
            inputs=without_secret_inputs(definition.inputs, secrets),
            secrets=secrets,
        ),
        needs=needs,
        created_by=created_by,
        readers=readers,
        schedule_id=schedule_id,
        schedule_at=schedule_at,
        template=definition.template.version if definition.template else None,
    )


def subjob_of(
    definition: SubJobDefinition,
    job_id: str,
    now: datetime,
    *,
    parent: Parent,
    inherited: Mapping[str, str],
    origin: JobSource,
) -> NewJob:
    """The job that the task `parent` stands for; `definition` is evaluated.

    It belongs to the creator of `origin`, the same people may see it, and it has the same uploads.
    `inherited` are secrets it has beside its own.
    """
    secrets = {**inherited, **definition.secrets}
    needs = task_graph(definition.tasks)
    waiting = None if definition.detached else parent
    return NewJob(
        job=_job(definition, job_id, now, needs, waiting),
        definition=_without_secrets(definition, secrets, origin),
        needs=needs,
        created_by=origin.created_by,
        readers=origin.readers,
        parent_job_id=parent.job_id,
        parent_task_id=parent.task_id,
    )


def _job(
    definition: JobDefinition,
    job_id: str,
    now: datetime,
    needs: Needs | None,
    parent: Parent | None = None,
) -> Job:
    return Job(
        id=job_id,
        state=JobState.PENDING,
        task_count=len(definition.tasks),
        created_at=now,
        has_output=definition.output is not None,
        has_webhooks=bool(definition.webhooks),
        is_graph=needs is not None,
        keeps_files=any(map(keeps_files, definition.tasks)),
        parent=parent,
        is_held=definition.hold,
        timeout=span_of(definition.timeout),
        start_at=definition.start_at,
        must_end_at=definition.deadline,
        budget=Decimal(definition.budget) if definition.budget else None,
        slots=_slots(definition),
        auto_delete_after=span_of(definition.auto_delete),
    )


def _slots(definition: JobDefinition) -> Slots | None:
    rate = definition.start_rate
    if not definition.concurrency and rate is None:
        return None
    return Slots(
        concurrency=definition.concurrency,
        rate=None if rate is None else StartRate(rate.count, rate.seconds),
    )


def _without_secrets(
    definition: SubJobDefinition, secrets: dict[str, str], origin: JobSource
) -> SubJobDefinition:
    """An evaluated job with nothing of `secrets` in what is only kept of it; what is needed in
    clear is added to these."""
    redactor = Redactor(hidden_values(secrets))
    name, description = redactor.text(definition.name), redactor.value(definition.description)
    inputs = without_secret_inputs(definition.inputs, secrets)
    webhooks = _without_secret_headers(definition.webhooks, secrets)
    return changed(
        definition,
        name=name,
        description=description,
        inputs=inputs,
        webhooks=webhooks,
        secrets=secrets,
        tasks=with_places(definition.tasks),
        uploads=dict(origin.uploads),
        permissions=tuple(origin.permissions),
    )


def _without_secret_headers(
    webhooks: Sequence[Webhook], secrets: dict[str, str]
) -> tuple[Webhook, ...]:
    """Header values that hold a secret become secrets themselves."""
    redactor = Redactor(hidden_values(secrets))
    shown: list[Webhook] = []
    for index, webhook in enumerate(webhooks):
        headers = dict(webhook.headers)
        for name, value in headers.items():
            if not has_expression(value) and redactor.text(value) != value:
                headers[name] = moved_to_secrets(f"webhook.{index}.{name}", value, secrets)
        shown.append(changed(webhook, headers=headers))
    return tuple(shown)
