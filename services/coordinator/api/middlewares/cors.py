"""CORS: which pages of other origins may use the API from a browser. Off unless origins are set."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.settings import CorsSettings

_EXPOSED = "X-Request-Id, Retry-After, WWW-Authenticate"

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def preflighted(settings: CorsSettings) -> Middleware:
    """Answers what a browser asks before a request that isn't simple. Needs no credentials."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_preflight(request):
            return await handler(request)
        response = web.Response(status=204, headers={hdrs.VARY: hdrs.ORIGIN})
        if settings.allows(request.headers[hdrs.ORIGIN]):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join(settings.method_list)
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join(settings.header_list)
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(settings.max_age_seconds)
        return response

    return middleware


def shared_with(settings: CorsSettings) -> Signal:
    """For `on_response_prepare`: lets the pages of allowed origins read the answer, errors too."""

    async def signal(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not settings.allows(origin):
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.VARY] = hdrs.ORIGIN
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
        if settings.credentials:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"

    return signal


def _is_preflight(request: web.Request) -> bool:
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )
