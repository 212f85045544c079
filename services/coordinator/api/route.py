"""One route: what the router, the document, the gate and a reader need to know of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from services.coordinator.api.access.principal import Scope
from services.coordinator.api.answers import Error

Group = Literal[
    "jobs", "tasks", "schedules", "events", "queues", "nodes", "metrics", "health", "users", "keys"
]
"""Routes that the operator turns off together: CONVEYOR_ENDPOINTS_<GROUP>."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when it comes, and what is in it by content type (a model, or None for text)."""

    meaning: str
    content: Mapping[str, Any] = field(default_factory=dict)


def answered(meaning: str, model: Any) -> Answered:  # noqa: ANN401 - a model, or a union of models
    return Answered(meaning, {JSON: model})


def answered_error(meaning: str) -> Answered:
    return answered(meaning, Error)


BROKEN_RULE = answered_error("The request breaks a rule; the message names it.")
TOO_LARGE = answered_error("The body is over the limit.")
UNAVAILABLE = answered_error("The database or the broker can't be reached; try again later.")


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a request may have; `schema` is what its value must be."""

    name: str
    meaning: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`scope` is what the principal must have; None is for everyone, unauthenticated too.

    The answers 401, 403 and 429 go without saying where there is a scope.
    """

    method: str
    path: str
    group: Group
    scope: Scope | None
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    tag: str
    answers: Mapping[int, Answered]
    query: type[BaseModel] | None = None
    headers: tuple[Header, ...] = ()
    body: type[BaseModel] | None = None
    body_types: tuple[str, ...] = ()
    example: object = None
    """A body in JSON, to try the route with; every route that has a body has one."""
    path_meanings: Mapping[str, str] = field(default_factory=dict)
