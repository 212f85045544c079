"""Waiting for what other tasks or processes come to do."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")


@overload
async def eventually(check: Callable[[], Awaitable[T]], seconds: float = 60) -> T: ...
@overload
async def eventually(check: Callable[[], T], seconds: float = 60) -> T: ...
async def eventually(check: Callable[[], T | Awaitable[T]], seconds: float = 60) -> T:
    """The first result of `check` that is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            found = check()
            result = await cast(Awaitable[T], found) if isinstance(found, Awaitable) else found
            if result:
                return result
            await asyncio.sleep(0.01)


async def seconds_until(check: Callable[[], object], seconds: float = 60) -> float:
    """How long it took until `check` was true. Raises TimeoutError."""
    began = time.monotonic()
    await eventually(check, seconds)
    return time.monotonic() - began
