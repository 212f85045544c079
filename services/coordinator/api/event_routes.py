"""The routes of live streams of events."""

from services.coordinator.api import events
from services.coordinator.api.access.principal import Scope
from services.coordinator.api.route import (
    BROKEN_RULE,
    UNAVAILABLE,
    Answered,
    Route,
    answered_error,
)

_EVENTS = Answered(
    "Server-sent events `job`, `task`, `progress` and `log`, as they happen; what follows after "
    "`Last-Event-ID` when that header is given.",
    {"text/event-stream": None},
)

EVENT_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/events",
        group="events",
        scope=Scope.READ,
        handler=events.stream_events,
        summary="Follow all jobs",
        tag="events",
        answers={200: _EVENTS, 400: BROKEN_RULE, 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/jobs/{id}/events",
        group="events",
        scope=Scope.READ,
        handler=events.stream_job_events,
        summary="Follow a job from its beginning; `end` is the last event",
        tag="events",
        path_meanings={"id": "The job's id."},
        answers={
            200: _EVENTS,
            400: BROKEN_RULE,
            404: answered_error("There is no such job."),
            503: UNAVAILABLE,
        },
    ),
)
