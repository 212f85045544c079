"""/templates: list, show, activate, deactivate, delete."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.replies import Status, page, reply, set_fields
from services.coordinator.api.requests import ports, query
from services.coordinator.api.route import DONE, Route, Scope, response
from services.coordinator.api.templates.lookup import (
    TEMPLATES,
    KindQuery,
    asked_row,
    require_changeable,
    visible_versions,
)
from services.coordinator.api.templates.pushing import push_template
from services.coordinator.api.templates.running import run_template
from services.coordinator.api.templates.schemas import (
    TemplatePage,
    TemplatesQuery,
    TemplateVersion,
    TemplateVersions,
    definition_of,
    summary,
    whole_version,
)
from services.coordinator.api.tork.definition_texts import (
    DEFINITION,
    DefinitionQuery,
    reply_definition,
    reply_document,
)
from services.coordinator.store import templates
from services.coordinator.store.rows import Page
from services.coordinator.store.templates import Registered
from shared.jobspec.tags import Tag


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
    reply_as = reply_document if row.language else reply_definition
    return await reply_as(request, definition_of(request, row))


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
