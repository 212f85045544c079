"""The routes of the messages that nobody could use. They may hold anything: for admins alone."""

from services.coordinator.api import dead_letters
from services.coordinator.api.access.principal import Scope
from services.coordinator.api.answers import Status
from services.coordinator.api.answers.dead_letters import (
    DeadLetterPage,
    Purged,
    WholeDeadLetter,
)
from services.coordinator.api.requests import PageQuery
from services.coordinator.api.route import (
    BROKEN_RULE,
    UNAVAILABLE,
    Route,
    answered,
    answered_error,
)

_ID = {"id": "The dead letter's id."}
_DONE = answered("Done.", Status)
_NONE = answered_error("There is no such dead letter.")

DEAD_LETTER_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/dead-letters",
        group="queues",
        scope=Scope.ADMIN,
        handler=dead_letters.list_dead_letters,
        summary="List the messages that nobody could use, newest first",
        tag="queues",
        query=PageQuery,
        answers={
            200: answered("A page of messages.", DeadLetterPage),
            400: BROKEN_RULE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="DELETE",
        path="/dead-letters",
        group="queues",
        scope=Scope.ADMIN,
        handler=dead_letters.purge_dead_letters,
        summary="Throw all of them away",
        tag="queues",
        answers={200: answered("How many there were.", Purged), 503: UNAVAILABLE},
    ),
    Route(
        method="GET",
        path="/dead-letters/{id}",
        group="queues",
        scope=Scope.ADMIN,
        handler=dead_letters.get_dead_letter,
        summary="Show one with what it says",
        tag="queues",
        path_meanings=_ID,
        answers={
            200: answered("The message.", WholeDeadLetter),
            404: _NONE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="DELETE",
        path="/dead-letters/{id}",
        group="queues",
        scope=Scope.ADMIN,
        handler=dead_letters.delete_dead_letter,
        summary="Throw one away",
        tag="queues",
        path_meanings=_ID,
        answers={200: _DONE, 404: _NONE, 503: UNAVAILABLE},
    ),
    Route(
        method="POST",
        path="/dead-letters/{id}/requeue",
        group="queues",
        scope=Scope.ADMIN,
        handler=dead_letters.requeue_dead_letter,
        summary="Send one to the queue it came from once more",
        tag="queues",
        path_meanings=_ID,
        answers={
            200: _DONE,
            404: _NONE,
            409: answered_error("It has no queue to go back to; it may be deleted."),
            503: UNAVAILABLE,
        },
    ),
)
