"""What is stored of jobs and tasks, with whatever is secret of it sealed, and opened again.

A planned task's `definition` has [REDACTED] in place of what came from a secret, and `sealed` holds
an object with the clear `definition` fields and the `secrets` whose values the worker must keep out
of the log. A child's `scope` that holds a secret is kept as `{SEALED: text}`, and so is a submitted
task. With a key, that covers what is secret by its name.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

from shared.definition import Encoded, TaskDefinition, Webhook, changed, decode_task, encode
from shared.expressions import as_template
from shared.lifecycle import Planned, PlannedTask, Task
from shared.planning.new_job import NewJob
from shared.planning.scopes import SEALED, is_sealed, sealed_scope
from shared.planning.secret_names import kept_in_clear
from shared.planning.secrets import SecretTaint, hidden_values
from shared.planning.templates import TaskSource
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer


def sealed_secrets(secrets: Mapping[str, str], sealer: Sealer) -> str | None:
    return sealer.seal({"secrets": dict(secrets)}) if secrets else None


def kept_job(new: NewJob, sealer: Sealer) -> tuple[NewJob, str | None]:
    """The job as it is stored, with its secrets sealed."""
    definition = new.definition
    sealed = sealed_secrets(definition.secrets, sealer)
    if not sealer.encrypts:
        return new, sealed
    redactor = Redactor(hidden_values(definition.secrets))
    tasks = [_kept_task(encode(task), redactor, sealer) for task in definition.tasks]
    webhooks = tuple(_kept_webhook(hook, redactor, sealer) for hook in definition.webhooks)
    return replace(new, definition=changed(definition, webhooks=webhooks), tasks=tasks), sealed


def _kept_task(task: Encoded, redactor: Redactor, sealer: Sealer) -> Encoded:
    return task if _in_clear(task, redactor, sealer) == task else {SEALED: sealer.seal(task)}


def _kept_webhook(webhook: Webhook, redactor: Redactor, sealer: Sealer) -> Webhook:
    seal = sealer.seal_text
    headers = {name: seal(value) for name, value in webhook.headers.items()}
    condition = webhook.condition
    if condition and redactor.text(condition) != condition:
        condition = seal(condition)
    return changed(webhook, url=seal(webhook.url), headers=headers, condition=condition)


def submitted_task(parent: Task, sealer: Sealer) -> TaskDefinition:
    """A task as it was submitted, what was sealed of it included. Raises SealingError."""
    plan = parent.plan
    if plan.sealed is None:
        return decode_task(plan.definition)
    hidden = cast(dict[str, object], sealer.unseal(plan.sealed)["definition"])
    return decode_task({**plan.definition, **hidden})


def closed(planned: Planned, source: TaskSource, taint: SecretTaint, sealer: Sealer) -> Planned:
    """With the scopes that hold a secret, or something made of one, sealed."""
    if not taint.redactor or planned.offspring is None:
        return planned
    items = source.task.each.items if source.task.each else ()
    made_of_secrets = isinstance(items, str) and taint.reads_secrets(as_template(items))
    is_all_secret = made_of_secrets or is_sealed(source.scope)
    redact = taint.redactor.value
    scopes = [
        sealed_scope(scope, sealer)
        if scope is not None and (is_all_secret or redact(scope) != scope)
        else scope
        for scope in planned.offspring.scopes
    ]
    return replace(planned, offspring=replace(planned.offspring, scopes=scopes))


def kept_plan(
    plan: PlannedTask, secrets: Collection[str], sealer: Sealer, *, of_job: bool
) -> PlannedTask:
    """`of_job`: the job has secrets, so that a worker must seal what comes of the task."""
    if not secrets and not sealer.encrypts:
        return plan
    redactor = Redactor(secrets)
    shown = _in_clear(dict(plan.definition), redactor, sealer)
    hidden = {key: value for key, value in plan.definition.items() if shown[key] != value}
    if not hidden and not (of_job and sealer.encrypts):
        return plan
    known = sorted(secrets) if hidden else []
    return replace(
        plan,
        name=redactor.text(plan.name),
        var=plan.var and redactor.text(plan.var),
        definition=shown,
        sealed=sealer.seal({"definition": hidden, "secrets": known}),
    )


def _in_clear(definition: Encoded, redactor: Redactor, sealer: Sealer) -> Encoded:
    """What of it may be kept in clear."""
    shown = redactor.value(definition)
    if not sealer.encrypts:  # what is hidden would stand beside it
        return shown
    return cast(Encoded, kept_in_clear(shown, sealer.seal_text))
