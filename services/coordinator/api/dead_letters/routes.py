"""The routes of dead letters. They may hold anything: for admins only."""

from services.coordinator.api.dead_letters import handlers
from services.coordinator.api.dead_letters.schemas import DeadLetterPage, Purged, WholeDeadLetter
from services.coordinator.api.requests import PageQuery
from services.coordinator.api.route import DONE, Route, RouteGroup, error, response
from services.coordinator.api.scopes import Scope

_NONE = error("There is no such dead letter.")

_DEAD_LETTERS = RouteGroup(
    group="queues",
    tag="queues",
    scope=Scope.ADMIN,
    path_meanings={"id": "The dead letter's id."},
)

DEAD_LETTER_ROUTES: tuple[Route, ...] = (
    _DEAD_LETTERS.route(
        "GET",
        "/dead-letters",
        handlers.list_dead_letters,
        "List the dead letters, newest first",
        {200: response("A page of dead letters.", DeadLetterPage)},
        query=PageQuery,
    ),
    _DEAD_LETTERS.route(
        "DELETE",
        "/dead-letters",
        handlers.purge_dead_letters,
        "Delete all dead letters",
        {200: response("How many there were.", Purged)},
    ),
    _DEAD_LETTERS.route(
        "GET",
        "/dead-letters/{id}",
        handlers.get_dead_letter,
        "Show a dead letter with its contents",
        {200: response("The dead letter.", WholeDeadLetter), 404: _NONE},
    ),
    _DEAD_LETTERS.route(
        "DELETE",
        "/dead-letters/{id}",
        handlers.delete_dead_letter,
        "Delete a dead letter",
        {200: DONE, 404: _NONE},
    ),
    _DEAD_LETTERS.route(
        "POST",
        "/dead-letters/{id}/requeue",
        handlers.requeue_dead_letter,
        "Requeue a dead letter to the queue it came from",
        {
            200: DONE,
            404: _NONE,
            409: error("It has no queue to return to; it may be deleted."),
        },
    ),
)
