"""Work on big bodies, in a thread: the event loop goes on meanwhile.

A thread suffices because no step of the work keeps the interpreter to itself for long: values are
made from events, models are checked in portions, and mistakes are counted.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

from shared.process.garbage import without_full_rounds

T = TypeVar("T")

_BIG_BYTES = 4096


class Background:
    """One at a time: with more, the event loop would wait for each of them in turn."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="big-bodies")

    async def run(self, work: Callable[[], T], size: int) -> T:
        """`work` on so many bytes: at once, or in the thread when they are many."""
        if size < _BIG_BYTES:
            return work()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, without_full_rounds, work)

    async def close(self, _: object = None) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


BACKGROUND = web.AppKey("background", Background)


async def in_background(request: web.Request, work: Callable[[], T]) -> T:
    """`work` on the body of the request, which has been read."""
    return await request.app[BACKGROUND].run(work, len(await request.read()))
