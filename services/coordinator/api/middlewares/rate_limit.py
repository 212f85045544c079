"""The rate limit: so many requests of a principal, or of an address where nobody is asked.

Each coordinator counts for itself.
"""

import math

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.principal import known_principal
from services.coordinator.api.errors import TooManyRequests, Unauthenticated
from services.coordinator.api.middlewares.token_buckets import TokenBuckets


def limited(buckets: TokenBuckets) -> Middleware:
    """429 for who has taken all. It stands behind authentication, and counts by principal."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_probe(request) and (wait := buckets.take(_who(request))):
            raise _too_many(wait)
        return await handler(request)

    return middleware


def failures_limited(buckets: TokenBuckets) -> Middleware:
    """429 for an address that has failed to authenticate too often.

    It stands before authentication: comparing passwords is what costs. Behind a proxy all clients
    share one address.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_probe(request) and (wait := buckets.wait(_address(request))):
            raise _too_many(wait)
        try:
            return await handler(request)
        except Unauthenticated:  # it stays one; only counted here
            buckets.take(_address(request))
            raise

    return middleware


def _is_probe(request: web.Request) -> bool:
    """A red health check would have the service restarted, which helps nobody."""
    return request.path == "/health"


def _who(request: web.Request) -> str:
    who = known_principal(request)
    return (who.identity if who else None) or _address(request)


def _address(request: web.Request) -> str:
    return f"address:{request.remote}"


def _too_many(wait_seconds: float) -> TooManyRequests:
    seconds = math.ceil(wait_seconds)
    return TooManyRequests(
        f"too many requests: try again in {seconds} s", {"Retry-After": str(seconds)}
    )
