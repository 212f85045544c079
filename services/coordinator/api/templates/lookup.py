"""The template that a request is about, if its principal may see it, or change it."""

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import Principal, principal
from services.coordinator.api.access.visibility import ONLY_VIEW
from services.coordinator.api.errors import BadRequest, Forbidden, NotFound
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import RouteGroup
from services.coordinator.store import templates
from services.coordinator.store.templates import Kind, Registered
from shared.jobspec.tags import Tag, parse_tag

NO_TEMPLATE = "no such template"
LATEST = "latest"

TEMPLATES = RouteGroup(
    group="templates",
    tag="templates",
    path_meanings={
        "name": "The template's name.",
        "version": "`1.2`, or `1` or `latest` for the newest such version that is active.",
    },
    missing="There is no such template.",
)


class KindQuery(Query):
    """Which registry."""

    kind: Annotated[
        Kind,
        Field(description="`job`: stored jobs. Others are those of ByteNite's API."),
    ] = "job"


def asked_tag(request: web.Request) -> Tag:
    """The name and the version of the path. Raises BadRequest, NotFound for what can be none."""
    version = request.match_info.get("version", LATEST)
    return tag_of(request.match_info["name"], "" if version == LATEST else version)


def tag_of(name: str, version: str) -> Tag:
    """Raises BadRequest for the version, NotFound for the name."""
    try:
        tag = parse_tag(name)
    except ValueError:  # nothing can have it
        raise NotFound(NO_TEMPLATE) from None
    if tag.major is not None:
        raise NotFound(NO_TEMPLATE)
    if not version:
        return tag
    try:
        return parse_tag(f"{name}@{version}")
    except ValueError:  # the client's mistake
        rule = "must be a version such as 1.2, or 1 for the newest of 1"
        raise BadRequest(f'version: "{version}" is not allowed: {rule}') from None


async def resolved(request: web.Request, kind: Kind, tag: Tag) -> Registered:
    """Raises NotFound; whether it is active is for the caller to look at."""
    row = await ports(request).run(templates.resolve, kind, tag, principal(request).readers)
    if row is None:
        raise NotFound(NO_TEMPLATE if tag.major is None else f"no such version: {tag}")
    return row


async def asked_row(request: web.Request) -> Registered:
    """The version that the path names. Raises NotFound, BadRequest."""
    return await resolved(request, query(request, KindQuery).kind, asked_tag(request))


async def visible_versions(request: web.Request) -> Sequence[Registered]:
    """The newest first. Raises NotFound."""
    kind, name = query(request, KindQuery).kind, asked_tag(request).name
    rows = await ports(request).run(templates.versions, kind, name, principal(request).readers)
    if not rows:
        raise NotFound(NO_TEMPLATE)
    return rows


def may_change(who: Principal, row: Registered) -> bool:
    """Its owner may, and whom its permissions name, but not everybody who may see it."""
    is_named = who.operators is None or not set(who.operators).isdisjoint(row.readers)
    return is_named or row.owner == who.creator


def require_changeable(request: web.Request, row: Registered) -> None:
    """Raises Forbidden."""
    if not may_change(principal(request), row):
        raise Forbidden(ONLY_VIEW.format("template"))
