"""/v1/dev: apps, engines and templates of ByteNite's API, pushed and kept by their tags."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import private_readers
from services.coordinator.api.bytenite import dev_schemas as s
from services.coordinator.api.bytenite.binding import missing_parts
from services.coordinator.api.bytenite.data_sources import keys_moved, store_keys
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.groups import INVALID
from services.coordinator.api.bytenite.schemas import ByteniteError, Done
from services.coordinator.api.errors import BadRequest, Conflict, NotFound
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.requests import Query, ports, query, whole_body
from services.coordinator.api.route import Handler, Route, RouteGroup, Scope, error, response
from services.coordinator.api.templates.lookup import require_changeable
from services.coordinator.store import templates
from services.coordinator.store.rows import shown_user
from services.coordinator.store.templates import Kind, NewTemplate, OwnedByAnother, Registered
from shared.jobspec.bytenite.building_blocks import (
    App,
    Engine,
    Template,
    app_problems,
    template_problems,
)
from shared.jobspec.bytenite.form import Tree
from shared.jobspec.bytenite.parsing import checked
from shared.jobspec.json_body import load_json
from shared.jobspec.json_schema import BadSchema, JsonSchema
from shared.jobspec.problems import InvalidJob, Problem, field_path
from shared.jobspec.tags import Tag, parse_tag, parse_version
from shared.planning.submission import new_job_id
from shared.postgres.pool import Connection
from shared.process.redaction import REDACTED

_MOST = 100
_SCHEMA = "paramsSchema"
_APP = {
    "name": "transcoder",
    "version": "1.0",
    "description": "Transcodes a chunk.",
    "platform": "docker",
    "entrypoint": ["python", "/app/main.py"],
    "platformConfig": {"container": "example/transcoder:1"},
    "deviceRequirements": {"minCpu": 1, "minMemory": 2},
    _SCHEMA: {"type": "object", "properties": {"width": {"type": "integer"}}},
}
_TEMPLATE = {
    "id": "transcode",
    "app": "transcoder@1",
    "partitioner": "passthrough",
    "assembler": "zip",
}


class DevQuery(Query):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=0, le=_MOST, description="At most so many.")] = 20
    offset: Annotated[int, Field(ge=0, le=10**9, description="How many to pass over.")] = 0
    q: Annotated[str, Field(max_length=200, description="Text in name or description.")] = ""


@dataclass(frozen=True, slots=True)
class _Registry:
    """What one of the three registries takes and shows. `noun` is its name in paths."""

    kind: Kind
    noun: str
    model: type[App | Template]
    pushed: type[s.PushedApp | s.PushedEngine | s.PushedTemplate]
    answer: type[Answer]
    listed: type[Answer]
    example: Tree


_REGISTRIES = (
    _Registry("app", "apps", App, s.PushedApp, s.AppAnswer, s.AppList, _APP),
    _Registry(
        "engine",
        "engines",
        Engine,
        s.PushedEngine,
        s.EngineAnswer,
        s.EngineList,
        {**_APP, "name": "splitter", "type": "partitioner"},
    ),
    _Registry(
        "template",
        "templates",
        Template,
        s.PushedTemplate,
        s.TemplateAnswer,
        s.TemplateList,
        _TEMPLATE,
    ),
)


def _shown(of: _Registry, row: Registered) -> Tree:
    fields = s.model_fields(of.model, row.document)
    text = orjson.dumps([row.document, row.schema], option=orjson.OPT_SORT_KEYS)
    fields |= {
        "tag": row.tag,
        "version": row.version,
        "status": row.status,
        "revision": row.revision,
        "hash": hashlib.sha256(text).hexdigest(),
        "owner": shown_user(row.owner)["username"],
        "isPublic": row.is_public,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }
    return fields if of.kind == "template" else fields | {_SCHEMA: row.schema}


async def _row(request: web.Request, of: _Registry) -> Registered:
    """Of the tag in the path. Raises NotFound."""
    text = request.match_info["tag"]
    try:
        tag = parse_tag(text)
    except ValueError:  # nothing can have it
        raise NotFound(f"no such {of.kind}: {text}") from None
    row = await ports(request).run(templates.resolve, of.kind, tag, principal(request).readers)
    if row is None:
        raise NotFound(f"no such {of.kind}: {text}")
    return row


async def _push(request: web.Request, of: _Registry) -> web.Response:
    document, schema = await _checked(request, of)
    name = document.get("name") or document["id"]
    version = parse_version(document.pop("version"))
    if of.kind != "template":
        document["version"] = str(version)
    owner = f"{of.kind} {Tag(name, *version)}"
    document, keys = keys_moved(request, document, owner)
    shown, sealed = _without_token(request, document)
    new = NewTemplate(
        new_job_id(),
        of.kind,
        name,
        *version,
        document.get("description", ""),
        shown,
        sealed,
        schema,
        is_active=False,
        owner=principal(request).creator,
        readers=private_readers(request, ()),
    )
    try:
        row = await ports(request).run(templates.push, new, principal(request).operators)
    except OwnedByAnother:
        refusal = Conflict(f"{of.kind} {name!r} belongs to somebody else")
        raise coded(request, "name_taken", refusal) from None
    await store_keys(request, keys)
    return reply({of.kind: _shown(of, row)})


async def _tree(request: web.Request, of: _Registry) -> Tree:
    """The body, whether as it is or within a field of the kind's name. Raises BadRequest."""
    body = await whole_body(request)
    try:
        tree = load_json(body.decode() or "{}")
    except (InvalidJob, UnicodeDecodeError) as reason:  # it is no JSON at all: a 400, no 422
        raise BadRequest(f"the body is not valid JSON: {reason}") from None
    if not isinstance(tree, dict):
        raise BadRequest("the body must be a JSON object")
    inner = tree.get(of.kind)
    tree = dict(inner) if isinstance(inner, dict) else tree
    if "schema" in tree and of.kind != "template":
        tree[_SCHEMA] = tree.pop("schema")
    return tree


async def _checked(request: web.Request, of: _Registry) -> tuple[Tree, Tree]:
    """The document and the schema of its parameters. Raises InvalidJob with all that is wrong."""
    given = checked(of.pushed, await _tree(request, of))
    problems = list(_problems(given))
    if isinstance(given, s.PushedTemplate):
        problems += await missing_parts(request, given)
    schema = {} if isinstance(given, s.PushedTemplate) else given.params_schema
    try:
        JsonSchema(schema)
    except BadSchema as reason:
        place = (_SCHEMA, *reason.place)
        problems.append(Problem(field_path(place), str(reason), place=place))
    if problems:
        raise InvalidJob(problems)
    document = given.shown() | {"version": given.version}
    document.pop(_SCHEMA, None)
    return document, schema


def _problems(given: s.PushedApp | s.PushedEngine | s.PushedTemplate) -> Iterator[Problem]:
    if isinstance(given, s.PushedTemplate):
        yield from template_problems(given)
        try:
            parse_version(given.version)
        except ValueError as reason:  # the client's mistake
            yield Problem("version", str(reason), repr(given.version[:60]), place=("version",))
        return
    yield from app_problems(given)
    if given.platform_config.token == REDACTED:
        place = ("platformConfig", "token")
        yield Problem(field_path(place), "must be the token itself: it is never shown", place=place)


def _without_token(request: web.Request, document: Tree) -> tuple[Tree, str | None]:
    """As it is shown; and all of it, sealed, where that is more."""
    platform: Tree = document.get("platformConfig", {})
    if not platform.get("token"):
        return document, None
    shown = {**document, "platformConfig": {**platform, "token": REDACTED}}
    return shown, ports(request).sealer.seal(document)


async def _list(request: web.Request, of: _Registry) -> web.Response:
    asked = query(request, DevQuery)
    wanted = templates.Wanted([of.kind], asked.q, asked.limit, asked.offset)
    found, total = await ports(request).run(templates.listed, wanted, principal(request).readers)
    pagination = s.DevPagination(
        total=total,
        offset=asked.offset,
        has_previous=asked.offset > 0,
        has_next=asked.offset + len(found) < total,
    )
    return reply({"pagination": pagination, "data": [_shown(of, one.newest) for one in found]})


async def _get(request: web.Request, of: _Registry) -> web.Response:
    return reply({of.kind: _shown(of, await _row(request, of))})


async def _status(request: web.Request, of: _Registry) -> web.Response:
    row = await _row(request, of)
    return reply(
        s.StatusAnswer(
            tag=row.tag, status=row.status, revision=row.revision, is_public=row.is_public
        )
    )


async def _activate(request: web.Request, of: _Registry) -> web.Response:
    return await _changed(request, of, partial(templates.set_active, is_active=True))


async def _deactivate(request: web.Request, of: _Registry) -> web.Response:
    return await _changed(request, of, partial(templates.set_active, is_active=False))


async def _publish(request: web.Request, of: _Registry) -> web.Response:
    return await _changed(request, of, partial(templates.set_public, is_public=True))


async def _unpublish(request: web.Request, of: _Registry) -> web.Response:
    return await _changed(request, of, partial(templates.set_public, is_public=False))


async def _delete(request: web.Request, of: _Registry) -> web.Response:
    return await _changed(request, of, templates.delete)


async def _changed(
    request: web.Request,
    of: _Registry,
    change: Callable[[Connection, Kind, Tag], Awaitable[None]],
) -> web.Response:
    row = await _row(request, of)
    require_changeable(request, row)
    await ports(request).run(change, row.kind, Tag(row.name, row.major, row.minor))
    return reply(Done())


_Act = Callable[[web.Request, _Registry], Awaitable[web.Response]]
_ACTS: tuple[tuple[str, str, _Act], ...] = (
    ("POST {}/activate", "Let jobs be made of {}", _activate),
    ("POST {}/deactivate", "Let no jobs be made of {}", _deactivate),
    ("POST {}/publish", "Let everybody see and use {}", _publish),
    ("POST {}/unpublish", "Let only its owner see and use {}", _unpublish),
    ("DELETE {}", "Delete {}; its jobs stay", _delete),
)


def _routes_of(of: _Registry) -> Iterator[Route]:
    group = RouteGroup(
        group="bytenite",
        tag="bytenite",
        path_meanings={"tag": "`name@1.2`, or `name@1` or `name` for the newest such version."},
        missing=f"There is no such {of.kind}.",
        error_form=ByteniteError,
    )
    path = f"/v1/dev/{of.noun}"
    one = f"{path}/{{tag}}"
    a_kind = f"an {of.kind}" if of.kind != "template" else "a template"
    yield group.route(
        f"POST {path}",
        f"Push {a_kind}; a version that exists is replaced",
        response("It is stored. A new version is inactive.", of.answer),
        {
            409: error("The name belongs to somebody else."),
            422: INVALID,
        },
        scope=Scope.SUBMIT,
        body=of.pushed,
        example=of.example,
    )(_handler(_push, of))
    yield group.route(
        f"GET {path}",
        f"List {of.noun}",
        response(f"A part of the {of.noun}.", of.listed),
        query=DevQuery,
    )(_handler(_list, of))
    yield group.route(f"GET {one}", f"Show {a_kind}", response("The version.", of.answer))(
        _handler(_get, of)
    )
    yield group.route(
        f"GET {one}/status", f"Show the status of {a_kind}", response("Its status.", s.StatusAnswer)
    )(_handler(_status, of))
    for line, summary, act in _ACTS:
        yield group.route(
            line.format(one), summary.format(a_kind), response("Done.", Done), scope=Scope.OPERATE
        )(_handler(act, of))


def _handler(act: _Act, of: _Registry) -> Handler:
    """The gate knows a route by its handler: each has its own."""

    async def handle(request: web.Request) -> web.Response:
        return await act(request, of)

    handle.__name__ = f"{act.__name__.strip('_')}_dev_{of.noun}"
    return handle


DEV_ROUTES: tuple[Route, ...] = tuple(route for of in _REGISTRIES for route in _routes_of(of))
