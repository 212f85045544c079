"""Refuses fields sent to a route that reads none, which would be ignored in silence."""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.errors import BadRequest
from services.coordinator.api.requests import SAYS_NOTHING, whole_body
from services.coordinator.api.route import Handler as RouteHandler
from services.coordinator.api.route import Route


def without_body(routes: Collection[Route]) -> Middleware:
    """Comes after authentication: before it nobody's body is read."""
    bare: frozenset[RouteHandler] = frozenset(
        route.handler
        for route in routes
        if route.body is None and not route.takes_bytes and route.method != "GET"
    )

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        has_body = request.match_info.handler in bare and request.can_read_body
        if has_body and (await whole_body(request)).strip() not in SAYS_NOTHING:
            raise BadRequest("body: must be empty: this request has no fields")
        return await handler(request)

    return middleware
