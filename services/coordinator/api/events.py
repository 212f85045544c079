"""Live: /events, /jobs/{id}/events, and logs that are followed."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

import structlog
from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal, until_shut_out
from services.coordinator.api.errors import BadRequest, NotFound, TooManyWaiting
from services.coordinator.api.requests import WITHOUT_NUL, Query, path_id, ports, query
from services.coordinator.api.route import BROKEN_RULE, Response, Route, RouteGroup, error
from services.coordinator.live.event_bodies import EventBodies
from services.coordinator.live.follower import OrderedFeed
from services.coordinator.live.hub import HubClosed, Interest
from services.coordinator.live.renderings import (
    Frames,
    JobLogText,
    NewestFrames,
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
from services.coordinator.store.feed import ALL_KINDS, BEGINNING, Cursor, Kind
from services.coordinator.store.logs import LogSource, Subject, end_of, subject_of
from shared.definition.quantities import parse_duration
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
_MOST_JOBS = 100
_SHORTEST_EVERY, _LONGEST_EVERY = timedelta(milliseconds=100), timedelta(seconds=10)
_TYPES = ("job", "task", "progress", "log")
_KINDS = {"job": Kind.JOB, "task": Kind.TASK, "log": Kind.LOG}
_PROGRESS = {"job": Kind.JOB_PROGRESS, "task": Kind.TASK_PROGRESS}


class EventsQuery(Query):
    """Which events of a job."""

    after: Annotated[
        str,
        Field(
            pattern=WITHOUT_NUL,
            description="Only events after the one with this id, as after that of "
            "`Last-Event-ID`, which is for those that come back.",
        ),
    ] = ""
    types: Annotated[
        str,
        Field(
            pattern=WITHOUT_NUL,
            description="Only events of these types: `job`, `task`, `progress`, `log`, with commas "
            "between them. `progress` is that of what else is named: with `job` that of jobs, "
            "with `task` that of tasks; with neither that of both.",
        ),
    ] = ""
    every: Annotated[
        str,
        Field(
            pattern=WITHOUT_NUL,
            description="At most once in this time, 100ms to 10s: of each job and each task only "
            "its newest event. There is no `log` then.",
        ),
    ] = ""


class AllEventsQuery(EventsQuery):
    """Which events."""

    jobs: Annotated[
        str,
        Field(
            pattern=WITHOUT_NUL,
            description=f"Only events of these jobs: at most {_MOST_JOBS} ids, with commas "
            "between them.",
        ),
    ] = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What of the feed is sent; `every_seconds` 0: each event."""

    kinds: frozenset[Kind]
    every_seconds: float


_GROUP = RouteGroup(
    group="events",
    tag="events",
    path_meanings={"id": "The job's id."},
    missing="There is no such job.",
)


@_GROUP.route(
    "GET /events",
    "Follow all jobs",
    _EVENTS,
    {400: BROKEN_RULE, 503: _TOO_MANY},
    query=AllEventsQuery,
)
async def stream_events(request: web.Request) -> web.StreamResponse:
    """Of all jobs that the principal may see, from now or from the last event on."""
    asked = query(request, AllEventsQuery)
    resume = resume_of(request, asked.after)
    wanted, readers = _wanted(asked), principal(request).readers
    interest = Interest(
        readers=None if readers is None else frozenset(readers),
        jobs=_jobs(asked.jobs),
        kinds=wanted.kinds,
        every_seconds=wanted.every_seconds,
    )
    now = await ports(request).live.feed.now()
    # An id from the future (the database was restored from a backup) must not silence the stream.
    start = min(resume.cursor, now) if resume else now
    return await stream(request, interest, start, _frames(request, resume, wanted), None)


@_GROUP.route(
    "GET /jobs/{id}/events",
    "Follow a job from its beginning; `end` is the last event",
    _EVENTS,
    {
        204: Response("`Last-Event-ID` is that of the event `end`: there is nothing to come."),
        400: BROKEN_RULE,
        503: _TOO_MANY,
    },
    query=EventsQuery,
)
async def stream_job_events(request: web.Request) -> web.StreamResponse:
    """From the job's beginning or from the last event on, until it is over."""
    asked = query(request, EventsQuery)
    resume, wanted = resume_of(request, asked.after), _wanted(asked)
    subject = await _subject(request, LogSource("job", path_id(request, "job")))
    if resume and resume.is_end:
        end = await ports(request).run(end_of, subject, resume.cursor)
        if end.is_final and end.is_complete:  # else it was restarted, and goes on
            return web.Response(status=HTTPStatus.NO_CONTENT)
    start = min(resume.cursor, await ports(request).live.feed.now()) if resume else BEGINNING
    frames = _frames(request, resume, wanted)
    interest = Interest(
        job_id=subject.job_id,
        kinds=wanted.kinds | {Kind.JOB},  # they tell when it may be over
        every_seconds=wanted.every_seconds,
    )
    return await stream_subject(request, subject, interest, start, frames)


async def follow_log(request: web.Request, source: LogSource) -> web.StreamResponse:
    subject = await _subject(request, source)
    text = TaskLogText if source.kind == "task" else JobLogText
    rendering = text(redactors(ports(request).sealer))
    interest = Interest(job_id=subject.job_id, task_id=subject.task_id)
    return await stream_subject(request, subject, interest, BEGINNING, rendering)


async def _subject(request: web.Request, source: LogSource) -> Subject:
    subject = await ports(request).run(subject_of, source, principal(request).readers)
    if subject is None:
        raise NotFound(f"no such {source.kind}")
    return subject


def resume_of(request: web.Request, after: str) -> Resume | None:
    """Raises BadRequest."""
    header = request.headers.get(_LAST_EVENT_ID, "").strip()
    name, given = (_LAST_EVENT_ID, header) if header else ("after", after)
    try:
        return resume_after(given) if given else None
    except ValueError as error:  # the client's mistake, in our words
        raise BadRequest(f"{name}: {given[:60]!r} is not allowed: {error}") from None


def _wanted(asked: EventsQuery) -> _Wanted:
    """Raises BadRequest."""
    every = _every(asked.every)
    types = {name for name in asked.types.split(",") if name}
    for name in types - set(_TYPES):
        rule = f"must be one of {', '.join(_TYPES)}"
        raise BadRequest(f"types: {name[:60]!r} is not allowed: {rule}")
    if every and "log" in types:
        raise BadRequest("types: 'log' is not allowed with `every`: each part of a log counts")
    kinds = _kinds(types) if types else ALL_KINDS
    return _Wanted(kinds - {Kind.LOG} if every else kinds, every)


def _kinds(types: set[str]) -> frozenset[Kind]:
    kinds = {_KINDS[name] for name in types if name in _KINDS}
    if "progress" in types:
        kinds |= {_PROGRESS[name] for name in types & _PROGRESS.keys() or _PROGRESS}
    return frozenset(kinds)


def _every(text: str) -> float:
    """Seconds. Raises BadRequest."""
    try:
        every = parse_duration(text) if text else timedelta()
        is_allowed = not text or _SHORTEST_EVERY <= every <= _LONGEST_EVERY
    except (ValueError, OverflowError):  # the client's mistake, in our words
        is_allowed = False
    if not is_allowed:
        raise BadRequest(f"every: {text[:60]!r} is not allowed: must be a time from 100ms to 10s")
    return every.total_seconds()


def _jobs(text: str) -> frozenset[str] | None:
    """Raises BadRequest."""
    ids = frozenset(filter(None, text.split(",")))
    if len(ids) > _MOST_JOBS:
        raise BadRequest(f"jobs: {len(ids)} ids are not allowed: must be at most {_MOST_JOBS}")
    return ids or None


def _frames(request: web.Request, resume: Resume | None, wanted: _Wanted) -> Rendering:
    bodies = EventBodies(
        redactors(ports(request).sealer), principal(request).access_to, ports(request).live.rendered
    )
    resume = resume or Resume(BEGINNING)
    if wanted.every_seconds:
        return NewestFrames(bodies, resume.cursor, wanted.kinds)
    return Frames(bodies, resume, wanted.kinds)


async def stream_subject(
    request: web.Request,
    subject: Subject,
    interest: Interest,
    start: Cursor,
    rendering: Rendering,
) -> web.StreamResponse:
    ending = Ending(ports(request).pool, subject)
    return await stream(request, interest, start, rendering, ending)


async def stream(
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
