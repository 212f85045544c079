"""/dead-letters: list, show, requeue, delete, purge."""

from datetime import UTC, datetime

from aiohttp import web

from services.coordinator.api.dead_letters import schemas
from services.coordinator.api.dead_letters.contents import job_ids, kind_of, shown_body
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import PageQuery, path_id, ports, query
from services.coordinator.api.schemas import Status
from services.coordinator.api.tork.definitions import Fields
from services.coordinator.api.tork.views import page, set_fields
from services.coordinator.dead_letters import CannotRequeue, DeadLetter
from services.coordinator.redaction import redacting
from services.coordinator.store.one_job import sealed_of
from services.coordinator.store.pages import Page

_KIND = "dead letter"
_NONE = "no such dead letter, or another coordinator holds it just now"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


async def list_dead_letters(request: web.Request) -> web.Response:
    asked = query(request, PageQuery).request()
    found = await ports(request).dead_letters.look()
    newest = sorted(found.letters, key=lambda letter: letter.at or _LONG_AGO, reverse=True)
    items = newest[asked.offset : asked.offset + asked.size]
    return reply(page(Page(asked, items, found.total), [_shown(each) for each in items]))


async def get_dead_letter(request: web.Request) -> web.Response:
    api = ports(request)
    letter = await api.dead_letters.one(path_id(request, _KIND))
    if letter is None:
        raise NotFound(_NONE)
    sealed = await api.run(sealed_of, job_ids(letter.body))
    contents = shown_body(letter.body, [redacting(api.sealer, each) for each in sealed])
    return reply({**_shown(letter), "contents": contents})


async def requeue_dead_letter(request: web.Request) -> web.Response:
    try:
        found = await ports(request).dead_letters.requeue(path_id(request, _KIND))
    except CannotRequeue as error:  # it never can be: it may be deleted
        raise Conflict(f"the dead letter can't be requeued: {error}") from None
    return _done(found)


async def delete_dead_letter(request: web.Request) -> web.Response:
    return _done(await ports(request).dead_letters.delete(path_id(request, _KIND)))


async def purge_dead_letters(request: web.Request) -> web.Response:
    return reply(schemas.Purged(deleted=await ports(request).dead_letters.purge()))


def _done(found: bool) -> web.Response:
    if not found:
        raise NotFound(_NONE)
    return reply(Status())


def _shown(letter: DeadLetter) -> Fields:
    return set_fields(
        {
            "id": letter.id,
            "queue": letter.queue,
            "reason": letter.reason,
            "kind": kind_of(letter.body),
            "at": letter.at,
        }
    ) | {"size": len(letter.body)}
