"""/uploads: files that clients send for jobs to use. Each is its creator's."""

import hashlib
import re
from contextlib import suppress
from typing import Annotated
from uuid import uuid4

from aiohttp import hdrs, web
from pydantic import Field

from conveyor.extensions.files import FilesError, FileStore, ObjectRefused, Stored, check_name
from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import (
    BadRequest,
    Conflict,
    NotFound,
    UnsupportedMediaType,
)
from services.coordinator.api.files.headers import SENT_SHA256, sent_sha256
from services.coordinator.api.files.lookup import opened_store
from services.coordinator.api.files.schemas import Upload, UploadPage
from services.coordinator.api.files.transfers import client_transfer, received
from services.coordinator.api.idempotency import IDEMPOTENCY_KEY, idempotency_text, reused
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import PageQuery, Query, Search, path_id, ports, query
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.store import uploads
from services.coordinator.store.uploads import NewUpload, UploadRow
from shared.files.names import upload_object

_MULTIPART = re.compile(r"multipart/", re.IGNORECASE)
_NO_STORE = "The server keeps no files"
_GROUP = RouteGroup(
    group="files",
    tag="files",
    path_meanings={"id": "The upload's id."},
    missing="You have sent no such file, or it was removed.",
)


class UploadQuery(Query):
    """What is sent."""

    name: Annotated[
        Search, Field(description="The file's name, without directories. Must be given.")
    ] = ""


@_GROUP.route(
    "POST /uploads",
    "Send a file for jobs to use; the body is its content",
    response("The file is kept: `uploads` of a job can name its id.", Upload),
    {
        409: error(f"{_NO_STORE}, or the `Idempotency-Key` was used with another file."),
        422: error("The body has another SHA-256 than its header says. Nothing is kept."),
        503: error(
            "The database or the store can't be used, or too many files are being transferred; "
            "try again later."
        ),
    },
    scope=Scope.SUBMIT,
    query=UploadQuery,
    headers=(SENT_SHA256, IDEMPOTENCY_KEY),
    takes_bytes=True,
)
async def upload_file(request: web.Request) -> web.StreamResponse:
    """A body that ends too early leaves nothing. Repeated with the same key and content it creates
    nothing."""
    store, name = opened_store(request), _name(request)
    sha256, key = sent_sha256(request), idempotency_text(request)
    if _MULTIPART.match(request.headers.get(hdrs.CONTENT_TYPE, "")):
        raise UnsupportedMediaType("send the file itself as the body, not a form with it")
    with client_transfer(request):
        own_id = uuid4().hex
        stored = await store.put(upload_object(own_id), received(request), sha256=sha256)
    upload_id = _id_of_key(request, key) if key else own_id
    creator = principal(request).creator
    new = NewUpload(upload_id, name, stored.name, stored.size, stored.sha256, creator)
    row = await ports(request).run(uploads.add, new)
    return reply(_shown(row or await _kept_before(request, store, stored, new, key)))


async def _kept_before(
    request: web.Request, store: FileStore, stored: Stored, new: NewUpload, key: str
) -> UploadRow:
    """With the same key. Raises Conflict unless it is the same file."""
    await _discard(store, stored.name)
    row = await ports(request).run(uploads.one, new.id, new.created_by)
    if row is None or (row.name, row.size, row.sha256) != (new.name, new.size, new.sha256):
        raise Conflict(reused(key))
    return row


async def _discard(store: FileStore, name: str) -> None:
    with suppress(FilesError):  # no row names it, so the scheduler removes it
        await store.delete(name)


def _name(request: web.Request) -> str:
    """Raises BadRequest for what is no name of a file."""
    name = query(request, UploadQuery).name
    if not name:
        raise BadRequest("name: must be given, such as ?name=data.csv")
    try:
        check_name(name)
    except ObjectRefused as refused:
        raise BadRequest(f"name: {refused}") from None
    if "/" in name:
        raise BadRequest(f"name: {name[:80]!r} is not allowed: must have no slash")
    return name


def _id_of_key(request: web.Request, key: str) -> str:
    identity = principal(request).identity or ""
    return hashlib.sha256(f"{identity}\0{key}".encode()).hexdigest()[:32]


@_GROUP.route(
    "GET /uploads",
    "List the files that you have sent, newest first",
    response("A page of them.", UploadPage),
    query=PageQuery,
)
async def list_uploads(request: web.Request) -> web.Response:
    page = query(request, PageQuery).request()
    found = await ports(request).run(uploads.of_creator, principal(request).creator, page)
    return reply(
        UploadPage(
            number=found.request.number,
            size=len(found.items),
            total_pages=found.total_pages,
            total_items=found.total_items,
            items=[_shown(row) for row in found.items],
        )
    )


@_GROUP.route(
    "GET /uploads/{id}", "Show a file that you have sent", response("The file's facts.", Upload)
)
async def get_upload(request: web.Request) -> web.Response:
    return reply(_shown(await _own(request)))


@_GROUP.route(
    "DELETE /uploads/{id}",
    "Delete a file that you have sent",
    DONE,
    {409: error("A job or a scheduled job uses it.")},
    scope=Scope.SUBMIT,
)
async def delete_upload(request: web.Request) -> web.Response:
    row = await _own(request)
    if not await ports(request).run(uploads.delete, row.id):
        raise Conflict("a job or a scheduled job uses this upload")
    return reply(Status())


async def _own(request: web.Request) -> UploadRow:
    """Raises NotFound."""
    who = principal(request)
    found = await ports(request).run(
        uploads.one, path_id(request, "upload"), who.creator, of_anybody=who.is_admin
    )
    if found is None:
        raise NotFound("no such upload")
    return found


def _shown(row: UploadRow) -> Upload:
    return Upload(
        id=row.id,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        used=row.is_used,
        created_at=row.created_at,
    )


UPLOAD_ROUTES: tuple[Route, ...] = (upload_file, list_uploads, get_upload, delete_upload)
