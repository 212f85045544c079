"""Links that end and need no login, and the one by which the source of a job is sent."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from aiohttp import web

from conveyor.extensions.files import FilesError
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.bytenite.groups import LINKS
from services.coordinator.api.bytenite.schemas import Done
from services.coordinator.api.errors import Conflict, Forbidden
from services.coordinator.api.files.headers import SENT_SHA256
from services.coordinator.api.files.headers import sent_sha256 as asked_sha256
from services.coordinator.api.files.lookup import opened_store
from services.coordinator.api.files.transfers import client_transfer, received
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Route, error, response
from services.coordinator.store import uploads
from services.coordinator.store.link_keys import link_key
from services.coordinator.store.uploads import NewUpload, UploadRow
from shared.files.links import LinkAct, Links
from shared.files.names import upload_object

UPLOAD_LASTS = timedelta(hours=24)

_UPLOADS = "uploads"
_NOBODY = "-"
_REFUSED = error("The link is for something else, or has ended; the message says which.")
_BUSY = error("The store can't be used, or too many files are being transferred; try again later.")


async def signing_links(request: web.Request) -> Links:
    return Links(f"{request.url.origin()}/v1", (await ports(request).run(link_key),))


async def require_link(request: web.Request, name: str, act: LinkAct) -> None:
    """Raises Forbidden."""
    links = await signing_links(request)
    if why := links.refusal(name, act, request.query, datetime.now(UTC)):
        raise Forbidden(why)


async def upload_link(
    request: web.Request, upload_id: str, name: str, creator: str | None
) -> tuple[str, datetime]:
    """Where the file of a job is sent to, and until when. It becomes the upload with this id."""
    ends = datetime.now(UTC) + UPLOAD_LASTS
    place = f"{_UPLOADS}/{upload_id}/{creator or _NOBODY}/{name or 'data'}"
    return (await signing_links(request)).make(place, "PUT", ends), ends


async def sent_upload(request: web.Request, upload_id: str, creator: str | None) -> UploadRow:
    """Raises Conflict while nothing was sent."""
    found = await ports(request).run(uploads.one, upload_id, creator)
    if found is None:
        raise coded(request, "upload_missing", Conflict("the file was not sent: PUT it to tempUrl"))
    return found


@LINKS.route(
    "PUT /v1/uploads/{path}",
    "Send the file of a job to its temporary link",
    response("It is kept.", Done),
    {
        403: _REFUSED,
        409: error("Another file was sent before, or the server keeps no files."),
        422: error("The body has another SHA-256 than its header says. Nothing is kept."),
        503: _BUSY,
    },
    headers=(SENT_SHA256,),
    takes_bytes=True,
)
async def send_upload(request: web.Request) -> web.StreamResponse:
    """A body that ends too early leaves nothing; the same file may be sent again."""
    path = request.match_info["path"]
    await require_link(request, f"{_UPLOADS}/{path}", "PUT")
    upload_id, creator, name = path.split("/", 2)
    store, sha256 = opened_store(request), asked_sha256(request)
    with client_transfer(request):
        stored = await store.put(upload_object(uuid4().hex), received(request), sha256=sha256)
    owner = None if creator == _NOBODY else creator
    new = NewUpload(upload_id, name, stored.name, stored.size, stored.sha256, owner)
    if await ports(request).run(uploads.add, new) is None:
        with suppress(FilesError):  # no row names it, so the scheduler removes it
            await store.delete(stored.name)
        before = await ports(request).run(uploads.one, upload_id, owner)
        if before is None or before.sha256 != stored.sha256:
            raise Conflict("another file was sent to this link before")
    return reply(Done())


LINK_ROUTES: tuple[Route, ...] = (send_upload,)
