"""/dead-letters: messages that could not be processed. They may hold anything: for admins only."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from services.coordinator import dead_letters
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.replies import Answer, Fields, PageOf, Status, page, reply, set_fields
from services.coordinator.api.requests import PageQuery, Query, Search, path_id, ports, query
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.store.one_job import sealed_of
from services.coordinator.store.rows import Page
from shared.planning.disclosure import Redacting, redacting
from shared.planning.secret_names import hide_by_name
from shared.process.redaction import REDACTED


class DeadLetter(Answer):
    """A message that could not be processed."""

    id: str
    """The same as long as it lies there."""
    queue: str | None = None
    """The queue it came from; left out when it did not come from Conveyor."""
    reason: str | None = None
    """Why it could not be processed."""
    kind: str | None = None
    """The kind it names; left out when it can't be read at all."""
    job_id: str | None = None
    """The job that it speaks of, the first of several; it may be gone."""
    task_id: str | None = None
    """The task that it speaks of, the first of several."""
    message_id: str | None = None
    """The id it was sent with, which log lines name."""
    size: int
    """Of its body, in bytes."""
    at: datetime | None = None
    """When it became a dead letter."""


class WholeDeadLetter(DeadLetter):
    contents: str
    """Its body, with known secrets redacted."""


class DeadLetterPage(PageOf[DeadLetter]):
    """Of more than 500 only the oldest 500 are shown."""


class DeadLettersQuery(PageQuery):
    """Which page, and of which dead letters."""

    queue: Annotated[Search, Field(description="Only those that came from this queue.")] = ""


class RequeueQuery(Query):
    """Which dead letters."""

    queue: Annotated[Search, Field(description="Only those that came from this queue.")] = ""


class Requeued(Answer):
    requeued: int
    """How many are in their queues again."""
    kept: int
    """How many have no queue to return to; they may be deleted."""


class Purged(Answer):
    deleted: int
    """How many messages there were."""


_DEEPEST = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEALED = "sealed"  # secrets, in clear where no key is set
_JOB_IDS = ("job_id", "subjob_id")
_MOST_JOBS = 1000
_LONGEST_KIND = 64  # of ours; what others sent may be of any length


def kind_of(body: bytes) -> str | None:
    message = _json(body)
    kind = message.get("kind") if isinstance(message, dict) else None
    if not isinstance(kind, str):
        return None
    return kind if len(kind) <= _LONGEST_KIND else f"{kind[:_LONGEST_KIND]}…"


def job_ids(body: bytes) -> set[str]:
    """The jobs that the message speaks of, as far as they can be some."""
    found = (item[name] for item in _mappings(_json(body)) for name in _JOB_IDS if name in item)
    ids = (id_ for id_ in _texts(found) if "\0" not in id_)  # Postgres has no NUL
    return {id_ for id_, _ in zip(ids, range(_MOST_JOBS), strict=False)}


def shown_body(body: bytes, redacting: Sequence[Redacting]) -> str:
    """The body as text; `redacting` takes out the secrets of the jobs it speaks of."""
    message = _json(body)
    shown: object = body.decode(errors="replace") if message is None else _hidden(message)
    for redact in redacting:
        shown = redact.value(shown)
    return shown if isinstance(shown, str) else orjson.dumps(shown).decode()


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # that may be why it lies here
        return None


def _first(body: bytes, name: str) -> str | None:
    """What the message calls so, at the top or as deep as need be."""
    found = (item.get(name) for item in _mappings(_json(body)))
    return next((value for value in found if isinstance(value, str) and _ID.fullmatch(value)), None)


def _hidden(value: object, depth: int = 0) -> object:
    """Without what sounds secret, and without what lies deeper than anything of ours."""
    if depth > _DEEPEST:
        return REDACTED
    match value:
        case dict():
            named = hide_by_name({k: REDACTED if k == _SEALED else v for k, v in value.items()})
            return {key: _hidden(item, depth + 1) for key, item in named.items()}
        case list():
            return [_hidden(item, depth + 1) for item in value]
        case _:
            return value


def _mappings(value: object) -> Iterator[dict[str, object]]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as mapping:
                yield mapping
                waiting.extend(mapping.values())
            case list() as items:
                waiting.extend(items)


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


_KIND = "dead letter"
_NONE = "no such dead letter, or another coordinator holds it just now"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


_DEAD_LETTERS = RouteGroup(
    group="queues",
    tag="queues",
    scope=Scope.ADMIN,
    path_meanings={"id": "The dead letter's id."},
    missing="There is no such dead letter.",
)


@_DEAD_LETTERS.route(
    "GET /dead-letters",
    "List the dead letters, newest first",
    response("A page of dead letters.", DeadLetterPage),
    query=DeadLettersQuery,
)
async def list_dead_letters(request: web.Request) -> web.Response:
    asked = query(request, DeadLettersQuery).request()
    queue = query(request, DeadLettersQuery).queue
    found = await ports(request).dead_letters.look()
    letters = [each for each in found.letters if queue in ("", each.queue)]
    newest = sorted(letters, key=lambda letter: letter.at or _LONG_AGO, reverse=True)
    items = newest[asked.offset : asked.offset + asked.size]
    total = len(letters) if queue else found.total
    return reply(page(Page(asked, items, total), [_shown(each) for each in items]))


@_DEAD_LETTERS.route(
    "GET /dead-letters/{id}",
    "Show a dead letter with its contents",
    response("The dead letter.", WholeDeadLetter),
)
async def get_dead_letter(request: web.Request) -> web.Response:
    api = ports(request)
    letter = await api.dead_letters.one(path_id(request, _KIND))
    if letter is None:
        raise NotFound(_NONE)
    sealed = await api.run(sealed_of, job_ids(letter.body))
    contents = shown_body(letter.body, [redacting(api.sealer, each) for each in sealed])
    return reply({**_shown(letter), "contents": contents})


@_DEAD_LETTERS.route(
    "POST /dead-letters/{id}/requeue",
    "Requeue a dead letter to the queue it came from",
    DONE,
    {409: error("It has no queue to return to; it may be deleted.")},
)
async def requeue_dead_letter(request: web.Request) -> web.Response:
    try:
        found = await ports(request).dead_letters.requeue(path_id(request, _KIND))
    except dead_letters.CannotRequeue as error:  # it never can be: it may be deleted
        raise Conflict(f"the dead letter can't be requeued: {error}") from None
    return _done(found)


@_DEAD_LETTERS.route(
    "POST /dead-letters/requeue",
    "Requeue the oldest 500 dead letters",
    response("How many.", Requeued),
    query=RequeueQuery,
)
async def requeue_dead_letters(request: web.Request) -> web.Response:
    queue = query(request, RequeueQuery).queue
    requeued, kept = await ports(request).dead_letters.requeue_all(queue or None)
    return reply(Requeued(requeued=requeued, kept=kept))


@_DEAD_LETTERS.route("DELETE /dead-letters/{id}", "Delete a dead letter", DONE)
async def delete_dead_letter(request: web.Request) -> web.Response:
    return _done(await ports(request).dead_letters.delete(path_id(request, _KIND)))


@_DEAD_LETTERS.route(
    "DELETE /dead-letters", "Delete all dead letters", response("How many there were.", Purged)
)
async def purge_dead_letters(request: web.Request) -> web.Response:
    return reply(Purged(deleted=await ports(request).dead_letters.purge()))


def _done(found: bool) -> web.Response:
    if not found:
        raise NotFound(_NONE)
    return reply(Status())


def _shown(letter: dead_letters.DeadLetter) -> Fields:
    return set_fields(
        {
            "id": letter.id,
            "queue": letter.queue,
            "reason": letter.reason,
            "kind": kind_of(letter.body),
            "jobId": _first(letter.body, "job_id"),
            "taskId": _first(letter.body, "task_id"),
            "messageId": letter.message_id,
            "at": letter.at,
        }
    ) | {"size": len(letter.body)}


DEAD_LETTER_ROUTES: tuple[Route, ...] = (
    list_dead_letters,
    purge_dead_letters,
    get_dead_letter,
    delete_dead_letter,
    requeue_dead_letter,
    requeue_dead_letters,
)
