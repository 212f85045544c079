"""API middlewares: what wraps requests to the coordinator, and who makes them.

A middleware is one of aiohttp's, which every coordinator has; a client has no need of it.
"""

from collections.abc import Set
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiohttp import web


class Caller(Protocol):
    """Who makes a request."""

    @property
    def user(self) -> str | None:
        """None for a key that nobody owns, and for everyone where authentication is off."""
        ...

    @property
    def roles(self) -> Set[str]: ...

    @property
    def scopes(self) -> Set[str]:
        """Of `read`, `submit`, `operate` and `admin`. None includes another, but `admin` all."""
        ...

    @property
    def is_admin(self) -> bool: ...


def caller(request: "web.Request") -> Caller | None:
    """None where nobody was asked: `/health`, `/docs`, a path that doesn't exist."""
    return request.get(caller_key())


@cache
def caller_key() -> "web.RequestKey[Caller]":
    """What the coordinator keeps the caller under."""
    from aiohttp import web

    return web.RequestKey("caller", Caller)
