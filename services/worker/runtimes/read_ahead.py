"""Passes a container's output on to its log, and reads on while the log takes none.

Docker keeps what nobody has read for 2 s after a container's end, then throws away what is still in
its pipes. If reading stood still for as long as the log does, say while the broker is away, a task
that ends meanwhile would lose its last words. So reading goes on, at a pace that holds the task
back and empties the pipes in time: to get there, half a megabyte at the most must be read.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from services.worker.runtimes.protocol import LogSink

_FREELY_BYTES = 256 * 1024
_LEAST_BYTES_PER_SECOND = 512 * 1024
# At that pace for longer than a worker that nobody hears keeps its tasks, with the usual lease.
_MOST_BYTES = 16 * 1024 * 1024


async def pass_on(source: AsyncIterator[bytes], sink: LogSink) -> None:
    """Returns when `source` has ended and `sink` has taken all of it, in order."""
    held = _Held()
    reading = asyncio.create_task(held.fill(source))
    try:
        while data := await held.take():
            await sink(data)
        await reading
    finally:
        reading.cancel()
        await asyncio.wait([reading])


class _Held:
    """What was read and not taken yet."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._is_over = False
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    async def fill(self, source: AsyncIterator[bytes]) -> None:
        try:
            async for data in source:
                self._pieces.append(data)
                self._size += len(data)
                self._filled.set()
                await self._rest(len(data) / _LEAST_BYTES_PER_SECOND)
        finally:
            self._is_over = True
            self._filled.set()

    async def take(self) -> bytes:
        """The next piece; empty when there will be none."""
        while not self._pieces and not self._is_over:
            self._filled.clear()
            await self._filled.wait()
        if not self._pieces:
            return b""
        data = self._pieces.popleft()
        self._size -= len(data)
        self._taken.set()
        return data

    async def _rest(self, seconds: float) -> None:
        """Until little is held, but no longer than that unless too much is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._shrink_to(_FREELY_BYTES)
        await self._shrink_to(_MOST_BYTES)

    async def _shrink_to(self, size: int) -> None:
        while self._size > size:
            self._taken.clear()
            await self._taken.wait()
