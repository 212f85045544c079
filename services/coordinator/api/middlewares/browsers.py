"""Which pages may use the API from a browser: our own, under our own names, and allowed origins.

A page may let a name of its own lead to 127.0.0.1 and then talk to what answers there as if it were
its own server (DNS rebinding). The name is still in the request: it is no address, and none that
always means this machine.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.authenticator import SAFE_METHODS
from services.coordinator.api.errors import Forbidden, Misdirected
from services.coordinator.auth_settings import CorsSettings
from services.coordinator.settings import HttpSettings

_LONGEST_SHOWN = 60
_EXPOSED = (
    "X-Request-Id, Retry-After, WWW-Authenticate, ETag, Content-Range, Accept-Ranges, "
    "Content-Disposition, Conveyor-SHA256"
)
_SITE = "Sec-Fetch-Site"

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


def own_pages(settings: CorsSettings) -> Middleware:
    """403 for what a page of another origin would change, whatever the request shows: a browser
    adds the password that it remembers, and without authentication none is needed. A WebSocket
    lets such a page read as well."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        acts = request.method not in SAFE_METHODS or hdrs.UPGRADE in request.headers
        if acts and _is_of_another_page(request):
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is None or not settings.allows(origin):
                raise _stranger(request, origin)
        return await handler(request)

    return middleware


def _is_of_another_page(request: web.Request) -> bool:
    """By what only a browser can say; what is no browser says neither."""
    site = request.headers.get(_SITE)
    if site is not None:  # only over HTTPS, and to this machine
        return site not in ("same-origin", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    # Without the scheme: TLS may end at a proxy.
    return origin is not None and origin.partition("://")[2].lower() != request.host.lower()


def _stranger(request: web.Request, origin: str | None) -> Forbidden:
    named = (hdrs.ORIGIN, origin) if origin is not None else (_SITE, request.headers[_SITE])
    return Forbidden(
        f"{named[0]}: {named[1][:_LONGEST_SHOWN]!r} is not allowed: pages of other origins can "
        "change nothing here; CONVEYOR_CORS_ORIGINS names those that can. A reverse proxy must "
        "pass on the Host header as it is"
    )


def is_only_for_this_machine(settings: HttpSettings) -> bool:
    """Whether nobody is asked, and nothing else is meant to reach it."""
    if settings.auth.is_on or settings.auth.none_allowed:
        return False
    return not settings.api.is_beyond_loopback


@web.middleware
async def own_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """421 for a `Host` that is neither an address nor localhost."""
    host = request.headers.get(hdrs.HOST, "")
    if host and not _is_ours(host):
        raise Misdirected(
            f"Host: {host[:_LONGEST_SHOWN]!r} is not allowed: without authentication the API is "
            "served only under localhost and IP addresses; set CONVEYOR_AUTH_TYPE, or "
            "CONVEYOR_AUTH_NONE_ALLOWED=true if everyone may do everything"
        )
    return await handler(request)


@lru_cache(256)  # clients send the same again and again
def _is_ours(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        ip_address(name)
    except ValueError:  # a name, or nothing that can be one
        return False
    return True
