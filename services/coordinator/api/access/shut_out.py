"""Ends what takes long, once whoever asked for it may do so no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from services.coordinator.api.access.principal import Principal, principal, principal_now
from services.coordinator.api.errors import Unauthenticated
from shared.postgres.errors import DatabaseUnavailable

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
