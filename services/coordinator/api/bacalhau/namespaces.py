"""Whose a namespace is: one that is called as a user or a role is theirs, and others are for all.

Nobody else submits to it, and what is in it is seen by those alone: its jobs have them as their
readers.
"""

from collections.abc import Sequence

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.visibility import readers_of
from services.coordinator.api.errors import Forbidden
from services.coordinator.api.requests import ports
from services.coordinator.store.access import roles_named, users_named
from shared.jobspec.bacalhau.normal import DEFAULT_NAMESPACE


async def readers_in(request: web.Request, namespace: str) -> Sequence[str]:
    """The readers of a job that the request makes in the namespace. Raises Forbidden."""
    owner = await _owner(request, namespace)
    if owner is None:
        return readers_of(request, ())
    who = principal(request)
    if not who.is_admin and owner not in {who.identity, *(f"role:{role}" for role in who.roles)}:
        raise Forbidden(f"namespace {namespace!r} belongs to {owner.partition('~')[0]}")
    return readers_of(request, (), [owner])


async def _owner(request: web.Request, namespace: str) -> str | None:
    if namespace == DEFAULT_NAMESPACE:
        return None
    run = ports(request).run
    if user := (await run(users_named, [namespace])).get(namespace):
        return f"user:{user.identity}"
    role = (await run(roles_named, [namespace])).get(namespace)
    return f"role:{role}" if role else None
