"""The job that a template makes with the values that are given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import JsonValue

from shared.definition import JobDefinition, TemplateUse
from shared.jobspec.problems import InvalidJob
from shared.jobspec.template_values import Given, values_of
from shared.planning.new_job import NamedDocument, NewJob
from shared.planning.stored_jobs import CannotFire, definition_in
from shared.process.sealing import Sealer

_ID_CHARACTERS = 8


class StoredTemplate(Protocol):
    """`document` is as pushed, but for what is secret; if anything is, all of it is in `sealed`.
    `tag` is name@major.minor. `language` is None for our own."""

    @property
    def name(self) -> str: ...
    @property
    def tag(self) -> str: ...
    @property
    def language(self) -> str | None: ...
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


@dataclass(frozen=True, slots=True)
class TemplateJob:
    """`document` is the job in the language of its template, where that is another one."""

    definition: JobDefinition
    document: NamedDocument | None = None

    def named(self, new: NewJob) -> NewJob:
        """`new`, which is made of the definition, as it is stored. Jobs of a template have the same
        name, which is one job's only in other languages: there its id follows."""
        if self.document is None:
            return new
        name = f"{self.document.name}-{new.job.id[:_ID_CHARACTERS]}"
        document = {**self.document.document, "Name": name}
        return replace(new, named=replace(self.document, name=name, document=document))


def job_of_template(
    template: StoredTemplate, tag: str, given: Given, sealer: Sealer
) -> TemplateJob:
    """`tag` is what was asked for. Raises InvalidJob with all that is wrong with what is given,
    CannotFire."""
    made = (_bacalhau_job if template.language else _job)(template, given, sealer)
    use = TemplateUse(
        tag=tag,
        version=template.tag,
        owner=template.owner,
        inputs=dict(given.inputs),
        secrets=tuple(given.secrets),
        uploads=tuple(given.uploads),
    )
    return replace(made, definition=replace(made.definition, template=use))


def _job(template: StoredTemplate, given: Given, sealer: Sealer) -> TemplateJob:
    stored = definition_in(template.document, template.sealed, sealer)
    known = Given(stored.inputs, stored.secrets, stored.uploads)
    definition = replace(
        stored,
        inputs=values_of(template.schema, given, known),
        secrets={**stored.secrets, **given.secrets},
        uploads={**stored.uploads, **given.uploads},
    )
    return TemplateJob(definition)


def _bacalhau_job(template: StoredTemplate, given: Given, _: Sealer) -> TemplateJob:
    # Here, so that a scheduler reads no language of jobs before it needs one.
    from shared.jobspec.bacalhau.compilation import compile_job
    from shared.jobspec.bacalhau.templates import job_of_document
    from shared.planning.named_jobs import named_document

    inputs = values_of(template.schema, given, Given({}, {}, {}))
    job = job_of_document(template.document, inputs)
    name = job.name or template.name
    definition = replace(compile_job(job, name), inputs=inputs)
    return TemplateJob(definition, named_document(job, name))


def renewed(
    job: JobDefinition,
    template: StoredTemplate | None,
    sealer: Sealer,
    inputs: Mapping[str, JsonValue],
) -> TemplateJob:
    """A job as its template, if it is of one, makes it now, with `inputs` beside those that were
    given. Raises CannotFire, and InvalidJob where it refuses `inputs`."""
    use = job.template
    if use is None:
        return TemplateJob(job)
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
    definition = replace(made.definition, name=job.name, permissions=job.permissions)
    return replace(made, definition=definition)
