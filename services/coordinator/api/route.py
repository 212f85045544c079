"""One route: what the router, the document, the gate and a reader need to know of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, TypedDict, Unpack

from aiohttp import web
from pydantic import BaseModel

from services.coordinator.api.replies import Error, Status
from shared.jobspec.tork.parsing import JSON_TYPES


class Scope(StrEnum):
    """None includes another, but `admin` includes all."""

    READ = "read"
    SUBMIT = "submit"
    OPERATE = "operate"
    ADMIN = "admin"


Group = Literal[
    "jobs",
    "tasks",
    "schedules",
    "events",
    "queues",
    "nodes",
    "metrics",
    "health",
    "users",
    "keys",
    "session",
    "webhooks",
    "secrets",
    "files",
    "objects",
    "templates",
    "bacalhau",
    "bytenite",
    "arvados",
]
"""Routes that the operator turns off together: CONVEYOR_ENDPOINTS_<GROUP>."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request or an answer; `schema` is what its value must be."""

    name: str
    meaning: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: when it comes, and what is in it by content type (a model, or None for text, or
    for bytes where the type is of no text)."""

    meaning: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()


def response(meaning: str, model: Any) -> Response:  # noqa: ANN401 - a model, or a union of models
    return Response(meaning, {JSON: model})


def error(meaning: str) -> Response:
    return response(meaning, Error)


DONE = response("Done.", Status)
BROKEN_RULE = error("The request breaks a rule; the message names it.")
UNPAID = error("The balance does not suffice.")
TOO_SLOW = error("The body did not arrive in time.")
TOO_LARGE = error("The body is over the limit.")
ENCODED = error("The body has a `Content-Encoding`; send it as it is.")
UNAVAILABLE = error("The database or the broker can't be reached; try again later.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """What receivers of webhooks are sent: `bodies` are the models of its forms."""

    name: str
    meaning: str
    bodies: Sequence[type[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`scope` is what the principal must have; None is for everyone, unauthenticated too.

    The answers 401, 403 and 429 go without saying where there is a scope.
    """

    method: str
    path: str
    group: Group
    scope: Scope | None
    handler: Handler
    summary: str
    tag: str
    responses: Mapping[int, Response]
    path_meanings: Mapping[str, str]
    query: type[BaseModel] | None = None
    headers: tuple[Header, ...] = ()
    body: type[BaseModel] | UnionType | None = None
    body_types: tuple[str, ...] = JSON_TYPES
    example: object = None
    """A body in JSON, to try the route with; every route that has a body has one."""
    takes_bytes: bool = False
    """The body may be anything. Its handler reads it piece by piece, within bounds of its own."""
    error_form: type[BaseModel] = Error
    """What its errors look like."""

    @property
    def pattern(self) -> str:
        """As the router takes it: only the parameter `{path}` may have slashes and line ends."""
        return self.path.replace("{path}", "{path:(?s:.+)}")


class _Request(TypedDict, total=False):
    """What a request may hold beside its path."""

    query: type[BaseModel]
    headers: tuple[Header, ...]
    body: type[BaseModel] | UnionType
    body_types: tuple[str, ...]
    example: object
    takes_bytes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteGroup:
    """Routes under one tag, which share scope and path parameters unless they say otherwise."""

    group: Group
    tag: str
    scope: Scope | None = Scope.READ
    path_meanings: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    """The answer's meaning when nothing is at a path with parameters."""
    error_form: type[BaseModel] = Error

    def route(
        self,
        line: str,
        summary: str,
        done: Response,
        others: Mapping[int, Response] | None = None,
        *,
        scope: Scope | None = None,
        **request: Unpack[_Request],
    ) -> Callable[[Handler], Route]:
        """Makes its handler a route. `line` is method and path; `others` are the answers beside 200
        and the implied ones."""
        method, path = line.split()
        implied = self._implied(path, request, reads_only=method == "GET")

        def made(handler: Handler) -> Route:
            return Route(
                method=method,
                path=path,
                group=self.group,
                scope=scope or self.scope,
                handler=handler,
                summary=summary,
                tag=self.tag,
                responses={**implied, 200: done, **(others or {})},
                path_meanings=self.path_meanings,
                error_form=self.error_form,
                **request,
            )

        return made

    def _implied(self, path: str, request: _Request, *, reads_only: bool) -> dict[int, Response]:
        """503 by everything, 400 where there is something to get wrong, 404 where something may be
        missing, 408, 413 and 415 where there is a body."""
        implied = {503: UNAVAILABLE}
        if "{" in path:
            implied[404] = error(self.missing)
        if "body" in request or "takes_bytes" in request:
            implied |= {400: BROKEN_RULE, 408: TOO_SLOW, 413: TOO_LARGE, 415: ENCODED}
        if "query" in request or not reads_only:
            implied[400] = BROKEN_RULE
        return implied
