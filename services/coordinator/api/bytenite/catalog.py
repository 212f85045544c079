"""/v1/computing/jobs/templates and info: what a job may run, and what serves it."""

from importlib.metadata import version
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.groups import BYTENITE, at_both
from services.coordinator.api.bytenite.schemas import Info, TemplateInfo, Templates
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import response
from services.coordinator.store import templates
from services.coordinator.store.rows import PageRequest, shown_user
from services.coordinator.store.templates import Registered
from shared.jobspec.bytenite.models import PRIORITIES
from shared.jobspec.bytenite.phases import ORDER
from shared.jobspec.partition.builtins import BUILTINS

_MOST = 100


class TemplatesQuery(Query):
    """Which part of the list."""

    page: Annotated[int, Field(ge=1, le=2**31, description="The page's number, from 1.")] = 1


@BYTENITE.route(
    "GET /v1/computing/jobs/templates",
    "List templates that a job may run",
    response(f"At most {_MOST} a page, the last changed first.", Templates),
    query=TemplatesQuery,
)
async def list_bytenite_templates(request: web.Request) -> web.Response:
    asked = PageRequest.within(query(request, TemplatesQuery).page, _MOST, largest=_MOST)
    readers = principal(request).readers
    wanted = templates.Wanted(["template"], "", asked.size, asked.offset)
    found, _ = await ports(request).run(templates.listed, wanted, readers)
    return reply(Templates(templates=[_shown(listed.newest) for listed in found]))


def _shown(template: Registered) -> TemplateInfo:
    document = template.document
    return TemplateInfo(
        id=template.tag,
        description=template.description or None,
        owner=shown_user(template.owner)["username"],
        app=str(document.get("app", "")),
        partitioner=str(document.get("partitioner", "passthrough")),
        assembler=str(document.get("assembler", "passthrough")),
    )


@BYTENITE.route(
    "GET /v1/computing/info",
    "Show what this server knows: states, priorities, built-in engines",
    response("The names.", Info),
)
async def get_bytenite_info(_: web.Request) -> web.Response:
    return reply(
        Info(
            version=version("conveyor"),
            states=list(ORDER),
            priorities=list(PRIORITIES),
            partitioners=list(BUILTINS["partition"]),
            assemblers=list(BUILTINS["assemble"]),
        )
    )


CATALOG_ROUTES = at_both(list_bytenite_templates, get_bytenite_info)
