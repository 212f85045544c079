"""Lets a request to a route only when its principal has the scope that the route names."""

from collections.abc import Mapping
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.authenticator import Authenticator
from services.coordinator.api.access.principal import remember
from services.coordinator.api.errors import Forbidden
from services.coordinator.api.scopes import Scope

Scopes = Mapping[Handler, Scope | None]
"""By a route's handler; None for everyone. A handler that is missing is the router's own error."""


def authenticated(authenticator: Authenticator, scopes: Scopes) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        scope = scopes.get(request.match_info.handler)
        if scope is not None:
            who = await authenticator.principal_of(request)
            if not who.may(scope):
                raise Forbidden(f"requires the scope {scope}")
            remember(request, who, partial(authenticator.principal_of, request))
        return await handler(request)

    return middleware
