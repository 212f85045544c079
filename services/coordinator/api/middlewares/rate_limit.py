"""The rate limit: so many requests of a principal, or of an address where nobody is asked.

Each coordinator counts for itself.
"""

import math
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.principal import known_principal
from services.coordinator.api.errors import TooManyRequests, Unauthenticated

_MANY = 10_000


class TokenBuckets:
    """Each name may take `burst` at once and `per_second` in the long run."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / per_second
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait(self, name: str) -> float:
        """Seconds until the bucket has a token; 0 when it has."""
        return max(0.0, self._full_at.get(name, 0.0) - self._slack - self._clock())

    def take(self, name: str) -> float:
        """As `wait`; a token that is there is taken."""
        wait = self.wait(name)
        if not wait:
            now = self._clock()
            self._full_at[name] = max(self._full_at.get(name, 0.0), now) + self._interval
            if len(self._full_at) > _MANY:
                self._forget_the_full(now)
        return wait

    def _forget_the_full(self, now: float) -> None:
        self._full_at = {name: at for name, at in self._full_at.items() if at > now}


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
