"""Who a request comes from: what they may do, and which jobs they may see or act on.

A handler asks `principal(request)`. `readers` and `operators` go into SQL as one parameter: a job
is visible when it has no readers of its own or shares one with the principal; None stands for all
jobs. An entry `view:x` among a job's readers lets x see it and no more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, cast

from aiohttp import web

from conveyor.extensions.middlewares import caller_key
from services.coordinator.api.errors import Unauthenticated
from services.coordinator.api.route import Scope
from shared.planning.readers import operators, readers
from shared.postgres.errors import DatabaseUnavailable

AccessName = Literal["operate", "view"]

ADMIN_ROLE = "admin"
"""The role that lets a user do everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """`user` is None for a key that nobody owns, and for everyone where nobody is asked.

    `account` tells the user from those who had the name before. `key` is the id of the key that was
    shown, `key_name` what it is called, `expires_at` (aware) when that key ends.
    With a `job_id` it is a task of that job, and asks of no other.
    """

    scopes: frozenset[Scope]
    user: str | None = None
    account: str | None = None
    roles: frozenset[str] = frozenset()
    key: str | None = None
    expires_at: datetime | None = None
    job_id: str | None = None
    key_name: str | None = None

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    def may(self, scope: Scope) -> bool:
        return self.is_admin or scope in self.scopes

    @property
    def identity(self) -> str | None:
        """Its own entry among a job's readers: `user:x`, or `key:id` if nobody owns the key."""
        if self.account is not None:
            return f"user:{self.account}"
        return f"key:{self.key}" if self.key is not None else None

    @property
    def creator(self) -> str | None:
        """What a job it submits records as its creator: the user's account, or `key:id`."""
        return self.account if self.account is not None else self.identity

    @property
    def operators(self) -> list[str] | None:
        """Who it is to those jobs it may act on, sorted; None for an admin: on all jobs."""
        if self.is_admin:
            return None
        return operators(self.identity, self.roles)

    @property
    def readers(self) -> list[str] | None:
        """The same for the jobs that it may see."""
        sees_all = self.is_admin or self.job_id is not None
        return None if sees_all else readers(self.identity, self.roles)

    @property
    def access_to(self) -> Callable[[Collection[str]], AccessName]:
        """What it may do with what it sees, by its readers."""
        may_operate, mine = self.may(Scope.OPERATE), self.operators

        def access(readers: Collection[str]) -> AccessName:
            is_shared = mine is None or not readers or not set(mine).isdisjoint(readers)
            return "operate" if may_operate and is_shared else "view"

        return access


UNRESTRICTED = Principal(scopes=frozenset({Scope.ADMIN}))
"""Everyone, where authentication is off; and who holds the operator's own key."""

AskAgain = Callable[[], Awaitable[Principal]]
"""Who the same credentials are now. Raises Unauthenticated, DatabaseUnavailable."""

_PRINCIPAL = cast("web.RequestKey[Principal]", caller_key())
"""Known to extensions as well, which see less of it."""
_ASK_AGAIN: web.RequestKey[AskAgain] = web.RequestKey("ask_again", object)  # type: ignore[arg-type]  # no class


def remember(request: web.Request, who: Principal, ask_again: AskAgain) -> None:
    request[_PRINCIPAL], request[_ASK_AGAIN] = who, ask_again


def principal(request: web.Request) -> Principal:
    """Whose request it is. Every handler of a route that needs a scope may ask."""
    return request[_PRINCIPAL]


async def principal_now(request: web.Request) -> Principal:
    """As `principal`, asked anew: what takes long must notice when somebody is shut out."""
    return await request[_ASK_AGAIN]()


def known_principal(request: web.Request) -> Principal | None:
    """The same where nobody may have been asked."""
    return request.get(_PRINCIPAL)


_LOOK_SECONDS = 10.0


@asynccontextmanager
async def until_shut_out(request: web.Request) -> AsyncIterator[None]:
    """Raises TimeoutError when the key has ended, or soon after the key or its user is gone or may
    no longer do what they might: whoever comes again is then asked anew."""
    async with asyncio.timeout(_seconds_left(principal(request))) as limit:
        looking = asyncio.create_task(_look(request, limit))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def _look(request: web.Request, limit: asyncio.Timeout) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if await _is_another(request):
            limit.reschedule(asyncio.get_running_loop().time())
            return


async def _is_another(request: web.Request) -> bool:
    try:
        return _rights(await principal_now(request)) != _rights(principal(request))
    except Unauthenticated:
        return True
    except DatabaseUnavailable:  # nobody can be asked; the stream has nothing to tell either
        return False


def _rights(who: Principal) -> Principal:
    return replace(who, expires_at=None)  # the limit has it


def _seconds_left(who: Principal) -> float | None:
    if who.expires_at is None:
        return None
    return (who.expires_at - datetime.now(UTC)).total_seconds()
