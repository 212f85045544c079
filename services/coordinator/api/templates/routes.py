"""/templates: push, list, show, activate, deactivate, delete."""

from functools import partial
from typing import Any, cast

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import compiled, readers_of
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import Conflict
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import ports, query, whole_body
from services.coordinator.api.route import DONE, Route, Scope, error, response
from services.coordinator.api.templates.lookup import (
    TEMPLATES,
    KindQuery,
    asked_row,
    require_changeable,
    visible_versions,
)
from services.coordinator.api.templates.running import run_template
from services.coordinator.api.templates.schemas import (
    TemplatePage,
    TemplatesQuery,
    TemplateVersion,
    TemplateVersions,
    shown_schema,
    summary,
)
from services.coordinator.api.tork.definition_texts import (
    DEFINITION,
    DefinitionQuery,
    reply_definition,
)
from services.coordinator.api.tork.definitions import Fields, shown_job
from services.coordinator.api.tork.dry_run import DryRun, reply_dry_run
from services.coordinator.api.tork.views import page, set_fields
from services.coordinator.api.tork.warnings import SubmitQuery, warned
from services.coordinator.store import templates
from services.coordinator.store.rows import Page
from services.coordinator.store.templates import NewTemplate, OwnedByAnother, Registered
from shared.jobspec.tags import Tag, parse_version
from shared.jobspec.template_values import declared
from shared.jobspec.tork.models import TemplateSpec
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
    body = await whole_body(request)
    parsing = partial(parse_template, body, request.headers.get("Content-Type", ""))
    spec = await in_background(request, parsing)
    warnings = await warned(request, spec, body)
    api, who = ports(request), principal(request)
    definition = await compiled(request, spec)
    shown, sealed = await in_background(request, partial(without_secrets, definition, api.sealer))
    if query(request, SubmitQuery).is_dry_run:
        fields = redacting(api.sealer, sealed).value(shown_job(shown))
        return reply_dry_run(fields | {"taskCount": len(spec.tasks)}, warnings)
    head = spec.template
    new = NewTemplate(
        new_job_id(),
        "job",
        head.name,
        *parse_version(head.version),
        head.description or "",
        shown,
        sealed,
        head.json_schema(),
        is_active=True,
        owner=who.creator,
        readers=readers_of(request, definition.permissions),
    )
    row = await _pushed(request, new)
    return reply(whole_version(request, row) | set_fields({"warnings": warnings}))


async def _pushed(request: web.Request, new: NewTemplate) -> Registered:
    try:
        return await ports(request).run(templates.push, new, principal(request).operators)
    except OwnedByAnother:
        raise Conflict(f"template.name: {new.name!r} belongs to somebody else") from None


@TEMPLATES.route(
    "GET /templates",
    "List templates, those pushed last first",
    response("A page of templates.", TemplatePage),
    query=TemplatesQuery,
)
async def list_templates(request: web.Request) -> web.Response:
    asked, readers = query(request, TemplatesQuery), principal(request).readers
    wanted = asked.request()
    found, total = await ports(request).run(
        templates.listed,
        templates.Wanted(asked.kinds(), asked.q, wanted.size, wanted.offset),
        readers,
    )
    items = [summary(request, each.newest) | {"versions": each.versions} for each in found]
    return reply(page(Page(wanted, found, total), items))


@TEMPLATES.route(
    "GET /templates/{name}",
    "List the versions of a template",
    response("All versions.", TemplateVersions),
    query=KindQuery,
)
async def list_template_versions(request: web.Request) -> web.Response:
    rows = await visible_versions(request)
    latest = next((row.version for row in rows if row.is_active), None)
    shown = {
        "kind": rows[0].kind,
        "name": rows[0].name,
        "versions": [summary(request, row) for row in rows],
    }
    return reply(shown | set_fields({"latest": latest}))


@TEMPLATES.route(
    "GET /templates/{name}/versions/{version}",
    "Show a version of a template",
    response("The version, with its inputs and its job.", TemplateVersion),
    query=KindQuery,
)
async def get_template_version(request: web.Request) -> web.Response:
    return reply(whole_version(request, await asked_row(request)))


class TemplateDefinitionQuery(DefinitionQuery, KindQuery):
    """In which form, and of which registry."""


@TEMPLATES.route(
    "GET /templates/{name}/versions/{version}/definition",
    "Show a version as it was pushed, to edit it and push it again",
    DEFINITION,
    query=TemplateDefinitionQuery,
)
async def get_template_definition(request: web.Request) -> web.Response:
    row = await asked_row(request)
    return await reply_definition(request, definition_of(request, row))


def whole_version(request: web.Request, row: Registered) -> Fields:
    return summary(request, row) | {
        "inputSchema": shown_schema(row.schema),
        "definition": definition_of(request, row),
    }


def definition_of(request: web.Request, row: Registered) -> Fields:
    redact = redacting(ports(request).sealer, row.sealed)
    if row.kind != "job":
        return cast(Fields, redact.value(row.document))
    head: dict[str, Any] = {"name": row.name, "version": row.version}
    head |= set_fields({"description": row.description, "inputs": declared(row.schema)})
    return {"template": head} | redact.value(shown_job(row.document))


@TEMPLATES.route(
    "PUT /templates/{name}/versions/{version}/activate",
    "Activate a version of a template",
    DONE,
    scope=Scope.OPERATE,
    query=KindQuery,
)
async def activate_template(request: web.Request) -> web.Response:
    return await _set_active(request, is_active=True)


@TEMPLATES.route(
    "PUT /templates/{name}/versions/{version}/deactivate",
    "Deactivate a version of a template: no job is made of it",
    DONE,
    scope=Scope.OPERATE,
    query=KindQuery,
)
async def deactivate_template(request: web.Request) -> web.Response:
    return await _set_active(request, is_active=False)


async def _set_active(request: web.Request, *, is_active: bool) -> web.Response:
    row = await asked_row(request)
    require_changeable(request, row)
    await ports(request).run(templates.set_active, row.kind, _tag(row), is_active=is_active)
    return reply(Status())


@TEMPLATES.route(
    "DELETE /templates/{name}/versions/{version}",
    "Delete a version of a template; its jobs stay",
    DONE,
    scope=Scope.OPERATE,
    query=KindQuery,
)
async def delete_template_version(request: web.Request) -> web.Response:
    row = await asked_row(request)
    require_changeable(request, row)
    await ports(request).run(templates.delete, row.kind, _tag(row))
    return reply(Status())


@TEMPLATES.route(
    "DELETE /templates/{name}",
    "Delete a template with all versions; its jobs stay",
    DONE,
    scope=Scope.OPERATE,
    query=KindQuery,
)
async def delete_template(request: web.Request) -> web.Response:
    rows = await visible_versions(request)
    for row in rows:
        require_changeable(request, row)
    await ports(request).run(templates.delete, rows[0].kind, Tag(rows[0].name))
    return reply(Status())


def _tag(row: Registered) -> Tag:
    return Tag(row.name, row.major, row.minor)


TEMPLATE_ROUTES: tuple[Route, ...] = (
    push_template,
    list_templates,
    list_template_versions,
    get_template_version,
    get_template_definition,
    activate_template,
    deactivate_template,
    delete_template_version,
    delete_template,
    run_template,
)
