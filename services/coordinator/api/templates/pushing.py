"""POST /templates: a job that is stored, in our language or in Bacalhau's."""

from functools import partial
from typing import NamedTuple

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import compiled, readers_of
from services.coordinator.api.bacalhau.namespaces import readers_in
from services.coordinator.api.bacalhau.submission import JOB_DEFAULTS
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import Conflict
from services.coordinator.api.replies import Fields, reply, set_fields
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import Scope, error, response
from services.coordinator.api.templates.lookup import TEMPLATES
from services.coordinator.api.templates.schemas import TemplateVersion, whole_version
from services.coordinator.api.tork.definitions import shown_job
from services.coordinator.api.tork.dry_run import DryRun, reply_dry_run
from services.coordinator.api.tork.warnings import SubmitQuery, shown_warnings, warned
from services.coordinator.store import templates
from services.coordinator.store.templates import NewTemplate, OwnedByAnother, Registered
from shared.jobspec.bacalhau import templates as bacalhau
from shared.jobspec.tags import parse_version
from shared.jobspec.tork.models import TemplateHead, TemplateSpec
from shared.jobspec.tork.parsing import JSON_TYPES, YAML_TYPES, parse_template
from shared.planning.disclosure import redacting
from shared.planning.stored_jobs import without_secrets
from shared.planning.submission import new_job_id

_EXAMPLE = {
    "template": {"name": "hello", "version": "1.0", "inputs": {"who": {"default": "world"}}},
    "name": "hello",
    "tasks": [{"name": "say hello", "env": {"WHO": "{{ inputs.who }}"}, "run": "echo $WHO"}],
}


@TEMPLATES.route(
    "POST /templates",
    "Push a job as a template",
    response("The version is stored; with `dryRun`, it would be.", TemplateVersion | DryRun),
    {409: error("The name belongs to somebody else.")},
    scope=Scope.SUBMIT,
    query=SubmitQuery,
    body=TemplateSpec,
    body_types=(*JSON_TYPES, *YAML_TYPES),
    example=_EXAMPLE,
)
async def push_template(request: web.Request) -> web.Response:
    """A version that exists is replaced by its owner. It is active at once."""
    new, shown, warnings = await _bacalhau_job(request) or await _job(request)
    if query(request, SubmitQuery).is_dry_run:
        return reply_dry_run(shown, warnings)
    row = await _pushed(request, new)
    return reply(whole_version(request, row) | set_fields({"warnings": warnings}))


class _Push(NamedTuple):
    """What is stored, the answer to a dry run, and what was hardly meant."""

    new: NewTemplate
    shown: Fields
    warnings: list[Fields]


async def _job(request: web.Request) -> _Push:
    body = await whole_body(request)
    parsing = partial(parse_template, body, request.headers.get("Content-Type", ""))
    spec = await in_background(request, parsing)
    warnings = await warned(request, spec, body)
    api, definition = ports(request), await compiled(request, spec)
    shown, sealed = await in_background(request, partial(without_secrets, definition, api.sealer))
    readers = readers_of(request, definition.permissions)
    new = _new(request, spec.template)._replace(document=shown, sealed=sealed, readers=readers)
    fields = redacting(api.sealer, sealed).value(shown_job(shown))
    return _Push(new, fields | {"taskCount": len(spec.tasks)}, warnings)


async def _bacalhau_job(request: web.Request) -> _Push | None:
    """None where the body has a job of ours."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    defaults = request.app[JOB_DEFAULTS]
    parsing = partial(bacalhau.parse_template, body, content_type, defaults)
    found = await in_background(request, parsing)
    if found is None:
        return None
    readers = await readers_in(request, bacalhau.namespace_of(found.document))
    new = _new(request, found.head)._replace(
        document=found.document, readers=readers, language="bacalhau"
    )
    shown = {"name": found.head.name, "taskCount": 1}
    return _Push(new, shown, shown_warnings(request, found.warnings))


def _new(request: web.Request, head: TemplateHead) -> NewTemplate:
    """Without its document."""
    return NewTemplate(
        new_job_id(),
        "job",
        head.name,
        *parse_version(head.version),
        head.description or "",
        {},
        None,
        head.json_schema(),
        is_active=True,
        owner=principal(request).creator,
        readers=(),
    )


async def _pushed(request: web.Request, new: NewTemplate) -> Registered:
    try:
        return await ports(request).run(templates.push, new, principal(request).operators)
    except OwnedByAnother:
        raise Conflict(f"template.name: {new.name!r} belongs to somebody else") from None
