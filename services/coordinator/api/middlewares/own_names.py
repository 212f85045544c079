"""Keeps an API that asks nobody who they are to requests that were meant for this machine.

A page in a browser may let a name of its own lead to 127.0.0.1 and then talk to what answers there
as if it were its own server (DNS rebinding). The name is still in the request: it is no address,
and none that always means this machine.
"""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from services.coordinator.api.errors import Misdirected
from services.coordinator.settings import HttpSettings

_LONGEST_SHOWN = 60


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
