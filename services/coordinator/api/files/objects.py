"""/objects: the coordinator's directory of files, for who has a signed link: the workers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import hdrs, web

from conveyor.extensions.files import FileStore, ObjectInfo, check_name, check_prefix
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.files.contents import reply_content
from services.coordinator.api.files.headers import (
    CONTENT,
    PARTS,
    RANGE_HEADERS,
    SENT_SHA256,
    attachment,
    sent_sha256,
)
from services.coordinator.api.files.schemas import ListedObject, RemovedLeftovers, StoredObject
from services.coordinator.api.files.transfers import TRANSFERS, received, sent
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import DONE, Response, Route, RouteGroup, error, response

JSON_LINES = "application/jsonl"
_LINES_AT_ONCE = 100

_REFUSED = error("The link is for something else, or has ended; the message says which.")
_MISSING = error("There is no such object, or the coordinator serves no store.")
_BUSY = error("The store can't be used, or too many files are being transferred; try again later.")
_OTHERS = {400: error("The name breaks a rule."), 403: _REFUSED, 404: _MISSING, 503: _BUSY}
_GROUP = RouteGroup(
    group="objects",
    tag="objects",
    scope=None,
    path_meanings={"path": "The object's name, of the link."},
    missing=_MISSING.meaning,
)


@_GROUP.route(
    "GET /objects/{path}",
    "Read an object by a signed link; HEAD finds it",
    CONTENT,
    {**PARTS, **_OTHERS},
    headers=RANGE_HEADERS,
)
async def read_object(request: web.Request) -> web.StreamResponse:
    store, name = _opened(request)
    with request.app[TRANSFERS].of_workers.one(request.remote or ""):
        info = await store.stat(name)
        return await reply_content(request, store, info, attachment(name.rpartition("/")[2]))


@_GROUP.route(
    "PUT /objects/{path}",
    "Write an object by a signed link",
    response("The object is kept, in place of what was there.", StoredObject),
    {
        **_OTHERS,
        408: error("The body came too slowly."),
        422: error("The body has another SHA-256 than its header says. Nothing is kept."),
    },
    headers=(SENT_SHA256,),
    takes_bytes=True,
)
async def write_object(request: web.Request) -> web.StreamResponse:
    """A body that ends too early leaves nothing."""
    store, name = _opened(request)
    sha256 = sent_sha256(request)
    with request.app[TRANSFERS].of_workers.one(request.remote or ""):
        stored = await store.put(name, received(request), sha256=sha256)
    return reply(StoredObject.model_validate(stored, from_attributes=True))


@_GROUP.route("DELETE /objects/{path}", "Delete an object by a signed link", DONE, _OTHERS)
async def delete_object(request: web.Request) -> web.StreamResponse:
    store, name = _opened(request)
    await store.delete(name)
    return reply(Status(status="OK"))


@_GROUP.route(
    "GET /objects",
    "List objects by a signed link",
    Response("A line of JSON for each object, in the order of their names.", {JSON_LINES: None}),
    _OTHERS,
)
async def list_objects(request: web.Request) -> web.StreamResponse:
    store, prefix = _opened_for(request, "LIST", request.query.get("of", ""))
    check_prefix(prefix)
    with request.app[TRANSFERS].of_workers.one(request.remote or ""):
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: JSON_LINES})
        return await sent(request, response, _lines(store.list_objects(prefix)))


@_GROUP.route(
    "DELETE /objects",
    "Remove what broken transfers have left, by a signed link",
    response("It is removed.", RemovedLeftovers),
    _OTHERS,
)
async def sweep_objects(request: web.Request) -> web.StreamResponse:
    store, before = _opened_for(request, "SWEEP", request.query.get("of", ""))
    return reply(RemovedLeftovers(removed=await store.sweep(datetime.fromisoformat(before))))


async def _lines(found: AsyncIterator[ObjectInfo]) -> AsyncIterator[bytes]:
    lines = list[bytes]()
    async for info in found:
        lines.append(ListedObject.model_validate(info, from_attributes=True).line())
        if len(lines) == _LINES_AT_ONCE:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _opened(request: web.Request) -> tuple[FileStore, str]:
    """Raises NotFound, Forbidden, and ObjectRefused for what can't be a name."""
    store, name = _opened_for(request, request.method, request.match_info["path"])
    return store, check_name(name)


def _opened_for(request: web.Request, act: str, name: str) -> tuple[FileStore, str]:
    """Raises NotFound, Forbidden."""
    store, links = ports(request).files, ports(request).links
    if store is None or links is None:
        raise NotFound("this coordinator serves no objects: its store of files is not a directory")
    if why := links.refusal(name, act, request.query, datetime.now(UTC)):
        raise Forbidden(why)
    return store, name


OBJECT_ROUTES: tuple[Route, ...] = (
    read_object,
    write_object,
    delete_object,
    list_objects,
    sweep_objects,
)
