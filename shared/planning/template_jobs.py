"""The job that a template makes with the values that are given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from pydantic import JsonValue

from shared.definition import JobDefinition, TemplateUse
from shared.jobspec.problems import InvalidJob
from shared.jobspec.template_values import Given, values_of
from shared.planning.stored_jobs import CannotFire, definition_in
from shared.process.sealing import Sealer


class StoredTemplate(Protocol):
    """`document` is as pushed, but for what is secret; if anything is, all of it is in `sealed`.
    `tag` is name@major.minor."""

    @property
    def tag(self) -> str: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def document(self) -> dict[str, JsonValue]: ...
    @property
    def sealed(self) -> str | None: ...
    @property
    def schema(self) -> Mapping[str, Any]: ...


def job_of_template(
    template: StoredTemplate, tag: str, given: Given, sealer: Sealer
) -> JobDefinition:
    """`tag` is what was asked for. Raises InvalidJob with all that is wrong with what is given,
    CannotFire."""
    stored = definition_in(template.document, template.sealed, sealer)
    known = Given(stored.inputs, stored.secrets, stored.uploads)
    inputs = values_of(template.schema, given, known)
    return replace(
        stored,
        inputs=inputs,
        secrets={**stored.secrets, **given.secrets},
        uploads={**stored.uploads, **given.uploads},
        template=TemplateUse(
            tag=tag,
            version=template.tag,
            owner=template.owner,
            inputs=dict(given.inputs),
            secrets=tuple(given.secrets),
            uploads=tuple(given.uploads),
        ),
    )


def renewed(
    job: JobDefinition,
    template: StoredTemplate | None,
    sealer: Sealer,
    inputs: Mapping[str, JsonValue],
) -> JobDefinition:
    """A job as its template, if it is of one, makes it now, with `inputs` beside those that were
    given. Raises CannotFire, and InvalidJob where it refuses `inputs`."""
    use = job.template
    if use is None:
        return job
    if template is None or template.owner != use.owner:  # another may have taken the name
        raise CannotFire(f"template {use.tag} does not exist any more")
    if not template.is_active:
        raise CannotFire(f"template {template.tag} is inactive")
    given = Given(
        inputs={**use.inputs, **inputs},
        secrets={name: job.secrets[name] for name in use.secrets},
        uploads={name: job.uploads[name] for name in use.uploads},
    )
    try:
        made = job_of_template(template, use.tag, given, sealer)
    except InvalidJob as error:  # it asks for something else by now
        if inputs:  # or always has
            raise
        raise CannotFire(f"template {template.tag}: {error}") from None
    return replace(made, name=job.name, permissions=job.permissions)
