"""Refuses, before anything of its body is read, what would be refused whatever is in it."""

from collections.abc import Collection
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.connections import Connection
from services.coordinator.api.errors import UnsupportedMediaType
from services.coordinator.api.replies import reply_error
from services.coordinator.api.requests import ask_for_body
from services.coordinator.api.route import Handler as RouteHandler
from services.coordinator.api.route import Route

_LONGEST_SHOWN = 60


def refuse_unread(routes: Collection[Route] = ()) -> Middleware:
    bounding_it: frozenset[RouteHandler] = frozenset(
        route.handler for route in routes if route.takes_bytes
    )

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_over_limit(request):
            return await _answered_in_a_crowd(request, handler)
        encoding = request.headers.get(hdrs.CONTENT_ENCODING, "").strip()
        if encoding.lower() not in ("", "identity"):
            raise UnsupportedMediaType(
                f"Content-Encoding: {encoding[:_LONGEST_SHOWN]!r} is not allowed: "
                "send the plain body"
            )
        is_bounded = request.match_info.handler in bounding_it
        if not is_bounded and (request.content_length or 0) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        return await handler(request)

    return middleware


def _is_over_limit(request: web.Request) -> bool:
    return isinstance(request.protocol, Connection) and request.protocol.is_over_limit


async def _answered_in_a_crowd(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == "/health":
        response = await handler(request)
    else:
        message = "too many connections are open, try again later"
        response = reply_error(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": "1"})
    response.force_close()
    return response


async def expected(request: web.Request) -> web.StreamResponse | None:
    """For `expect_handler` of routes: asks for the body, unless it is refused anyway."""
    if refusal := await expected_later(request):
        return refusal
    if (request.content_length or 0) <= request.client_max_size:
        await ask_for_body(request)
    return None


async def expected_later(request: web.Request) -> web.StreamResponse | None:
    """The same of routes that ask for the body when they begin to read it."""
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        return reply_error(HTTPStatus.EXPECTATION_FAILED, "Expect: only 100-continue is supported")
    return None
