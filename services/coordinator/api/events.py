"""Live: /events, /jobs/{id}/events, and logs that are followed."""

from http import HTTPStatus

import structlog
from aiohttp import web

from services.coordinator.api.access.principal import principal, until_shut_out
from services.coordinator.api.errors import BadRequest, NotFound, TooManyWaiting
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import BROKEN_RULE, Response, Route, RouteGroup, error
from services.coordinator.live.follower import OrderedFeed
from services.coordinator.live.hub import HubClosed, Interest
from services.coordinator.live.renderings import (
    Frames,
    JobLogText,
    Resume,
    TaskLogText,
    resume_after,
)
from services.coordinator.live.stream import (
    ClientGone,
    Connection,
    Ending,
    Rendering,
    send,
    stream_of,
)
from services.coordinator.store.feed import BEGINNING, Cursor
from services.coordinator.store.logs import LogSource, Subject, end_of, subject_of
from shared.planning.disclosure import redactors

log = structlog.get_logger(__name__)

_LAST_EVENT_ID = "Last-Event-ID"


MOST_STREAMS = web.AppKey("most_streams", int)
_TOO_MANY = error("The database can't be reached, or too many streams are open; try again later.")
_EVENTS = Response(
    "Server-sent events `job`, `task`, `progress` and `log`, as they happen; from after "
    "`Last-Event-ID` when that header is given.",
    {"text/event-stream": None},
)
_GROUP = RouteGroup(
    group="events",
    tag="events",
    path_meanings={"id": "The job's id."},
    missing="There is no such job.",
)


@_GROUP.route("GET /events", "Follow all jobs", _EVENTS, {400: BROKEN_RULE, 503: _TOO_MANY})
async def stream_events(request: web.Request) -> web.StreamResponse:
    """Of all jobs that the principal may see, from now or from the last event on."""
    resume = _resume(request)
    readers = principal(request).readers
    now = await ports(request).live.feed.now()
    interest = Interest(readers=None if readers is None else frozenset(readers))
    # An id from the future (the database was restored from a backup) must not silence the stream.
    start = min(resume.cursor, now) if resume else now
    return await _stream(request, interest, start, _frames(request, resume), None)


@_GROUP.route(
    "GET /jobs/{id}/events",
    "Follow a job from its beginning; `end` is the last event",
    _EVENTS,
    {
        204: Response("`Last-Event-ID` is that of the event `end`: there is nothing to come."),
        400: BROKEN_RULE,
        503: _TOO_MANY,
    },
)
async def stream_job_events(request: web.Request) -> web.StreamResponse:
    """From the job's beginning or from the last event on, until it is over."""
    resume = _resume(request)
    subject = await _subject(request, LogSource("job", path_id(request, "job")))
    if resume and resume.is_end:
        end = await ports(request).run(end_of, subject, resume.cursor)
        if end.is_final and end.is_complete:  # else it was restarted, and goes on
            return web.Response(status=HTTPStatus.NO_CONTENT)
    start = min(resume.cursor, await ports(request).live.feed.now()) if resume else BEGINNING
    return await _stream_subject(request, subject, start, _frames(request, resume))


async def follow_log(request: web.Request, source: LogSource) -> web.StreamResponse:
    subject = await _subject(request, source)
    text = TaskLogText if source.kind == "task" else JobLogText
    rendering = text(redactors(ports(request).sealer))
    return await _stream_subject(request, subject, BEGINNING, rendering)


async def _subject(request: web.Request, source: LogSource) -> Subject:
    subject = await ports(request).run(subject_of, source, principal(request).readers)
    if subject is None:
        raise NotFound(f"no such {source.kind}")
    return subject


def _resume(request: web.Request) -> Resume | None:
    given = request.headers.get(_LAST_EVENT_ID, "").strip()
    try:
        return resume_after(given) if given else None
    except ValueError as error:  # the client's mistake, in our words
        raise BadRequest(f"{_LAST_EVENT_ID}: {given[:60]!r} is not allowed: {error}") from None


def _frames(request: web.Request, resume: Resume | None) -> Frames:
    return Frames(redactors(ports(request).sealer), resume or Resume(BEGINNING))


async def _stream_subject(
    request: web.Request, subject: Subject, start: Cursor, rendering: Rendering
) -> web.StreamResponse:
    ending = Ending(ports(request).pool, subject)
    interest = Interest(job_id=subject.job_id, task_id=subject.task_id)
    return await _stream(request, interest, start, rendering, ending)


async def _stream(
    request: web.Request,
    interest: Interest,
    start: Cursor,
    rendering: Rendering,
    ending: Ending | None,
) -> web.StreamResponse:
    if ports(request).live.open_count >= request.app[MOST_STREAMS]:
        raise TooManyWaiting(
            "too many event and log streams are open, try again later", {"Retry-After": "5"}
        )
    answer = stream_of(rendering.content_type)
    connection = Connection(request, answer, stalled_seconds=rendering.stalled_seconds)
    with ports(request).live.following(interest, start) as follower:
        try:
            async with until_shut_out(request):
                await send(connection, OrderedFeed(follower), rendering, ending)
        except ClientGone:
            pass  # it resumes when it likes, here or at another coordinator
        except (HubClosed, TimeoutError):  # we stop, or it is shut out: as if the line were lost
            if not rendering.tells_end:
                connection.abort()
        except Exception:  # a bug; with the answer begun, only its abrupt end can tell the client
            log.exception("stream_failed", path=request.path)
            connection.abort()
    return connection.response


EVENT_ROUTES: tuple[Route, ...] = (stream_events, stream_job_events)
