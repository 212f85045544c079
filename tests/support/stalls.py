"""How long the event loop of a test is held up by work of its own."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

MOST_SECONDS = 0.020


@dataclass
class Stall:
    """The longest time between two turns of the event loop, in processor time of its thread: what
    other threads and processes do on the machine is not measured. The clients of the test are
    included."""

    seconds: float = 0.0


@asynccontextmanager
async def longest_stall() -> AsyncIterator[Stall]:
    stall = Stall()

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            stall.seconds = max(stall.seconds, time.thread_time() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield stall
    finally:
        watching.cancel()
