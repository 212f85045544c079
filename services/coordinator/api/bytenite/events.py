"""/v1/computing/events: the states of jobs and tasks as they change, as server-sent events."""

from collections.abc import Callable
from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.groups import BYTENITE, at_both
from services.coordinator.api.bytenite.lookup import job_called
from services.coordinator.api.bytenite.tasks import SERVICES, TASK_STATES
from services.coordinator.api.errors import NotFound
from services.coordinator.api.events import resume_of, stream
from services.coordinator.api.requests import WITHOUT_NUL, Query, ports, query
from services.coordinator.api.route import BROKEN_RULE, Response, error
from services.coordinator.live.event_bodies import EventBodies, frame, phase_in
from services.coordinator.live.hub import Interest
from services.coordinator.live.renderings import Frames, Resume
from services.coordinator.live.stream import Ending
from services.coordinator.store.feed import BEGINNING, FeedRow, Kind
from services.coordinator.store.logs import Subject
from services.coordinator.store.rows import JsonObject
from shared.jobspec.bytenite.phases import APP, Phase
from shared.messages import Change
from shared.planning.disclosure import Redacting, redactors

_KINDS = frozenset({Kind.JOB, Kind.TASK, Kind.TASK_PROGRESS})
_MOST_JOBS = 10_000


class EventsQuery(Query):
    """Which events."""

    job_id: Annotated[
        str,
        Field(
            alias="jobId",
            max_length=64,
            pattern=WITHOUT_NUL,
            description="Only those of this job, from its beginning until it has ended.",
        ),
    ] = ""
    after: Annotated[
        str,
        Field(pattern=WITHOUT_NUL, description="Only those after this one, as `Last-Event-ID`."),
    ] = ""


@BYTENITE.route(
    "GET /v1/computing/events",
    "Follow jobs and their tasks",
    Response(
        "Each event is `{result: {event, data}}`: `job` with the state of a job when that changes, "
        "`task` with that of a task.",
        {"text/event-stream": None},
    ),
    {400: BROKEN_RULE, 404: error("There is no such job.")},
    query=EventsQuery,
)
async def stream_bytenite_events(request: web.Request) -> web.StreamResponse:
    """Of all jobs that the request may see from now on, or from the last event on."""
    asked, api = query(request, EventsQuery), ports(request)
    resume = resume_of(request, asked.after)
    now = await api.live.feed.now()
    start = min(resume.cursor, now) if resume else BEGINNING if asked.job_id else now
    bodies = _Bodies(redactors(api.sealer), principal(request).access_to, api.live.rendered)
    frames = Frames(bodies, resume or Resume(start), _KINDS)
    if not asked.job_id:
        readers = principal(request).readers
        who = None if readers is None else frozenset(readers)
        return await stream(request, Interest(readers=who, kinds=_KINDS), start, frames, None)
    if (job := await job_called(request, asked.job_id)) is None:
        raise NotFound("no such job")
    ending = Ending(api.pool, Subject(job.id, None, job.sealed))
    return await stream(request, Interest(job_id=job.id, kinds=_KINDS), start, frames, ending)


class _Bodies(EventBodies):
    """Of jobs of ByteNite, each phase once."""

    def __init__(
        self,
        redactor_of: Callable[[str | None], Redacting],
        access_to: Callable[[frozenset[str]], str],
        rendered: object,
    ) -> None:
        super().__init__(redactor_of, access_to, rendered)  # type: ignore[arg-type]  # as it is
        self._phases = dict[str, Phase]()

    def change(self, row: FeedRow, fields: JsonObject, id_: str | None) -> bytes:
        if row.job is None or row.job.partitioned_as is None:
            return b""
        change, name = Change.model_validate(fields), row.job.partitioned_as
        frames = b""
        if (phase := phase_in(change)) and self._is_news(row.job_id, phase):
            data = {"jobId": name, "state": phase, "at": change.at, "error": change.error}
            frames += _frame("job", data, None if change.task_id else id_, self._redact(row))
        if change.task_id and not change.size and change.state != "CREATED":
            frames += _frame("task", _task(name, change), id_, self._redact(row))
        return frames

    def _redact(self, row: FeedRow) -> Redacting:
        return self._redactor_of(row.sealed)

    def _is_news(self, job_id: str, phase: Phase) -> bool:
        is_news = self._phases.get(job_id) is not phase
        self._phases[job_id] = phase
        if len(self._phases) > _MOST_JOBS:
            del self._phases[next(iter(self._phases))]
        return is_news


def _task(job: str, change: Change) -> dict[str, object]:
    service = SERVICES[APP] if change.parent_id else SERVICES.get(change.position)
    return {
        "jobId": job,
        "taskId": change.task_id,
        "service": service,
        "state": TASK_STATES[change.state],
        "progress": change.progress,
        "attempt": change.attempt + 1,
        "at": change.at,
        "error": change.error,
    }


def _frame(event: str, data: dict[str, object], id_: str | None, redact: Redacting) -> bytes:
    shown = {name: value for name, value in data.items() if value is not None}
    if "error" in shown:
        shown["error"] = redact.value(shown["error"])
    body = {"result": {"event": event, "data": shown}}
    return frame(event, orjson.dumps(body, option=orjson.OPT_UTC_Z), id_)


EVENT_ROUTES = at_both(stream_bytenite_events)
