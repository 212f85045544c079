"""Middlewares that installed packages add: those that the operator names, in that order."""

from collections.abc import Sequence
from typing import cast

from aiohttp.typedefs import Middleware

from shared.process.extensions import Group, load


def added_middlewares(names: Sequence[str]) -> list[Middleware]:
    """Raises ExtensionRejected."""
    return [cast(Middleware, load(Group.API_MIDDLEWARES, name, _fault)) for name in names]


def _fault(loaded: object) -> str | None:
    # Without the mark aiohttp takes it for a factory of the old kind, and every request fails.
    if getattr(loaded, "__middleware_version__", None) != 1:
        return "is not marked with @aiohttp.web.middleware"
    return None
