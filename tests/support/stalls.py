"""How long the event loop of a test is held up by work of its own."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

TRIES = 5
_MOST_SECONDS = 0.020
# Work that takes a processor of today this long, and others on the machine make it longer.
_MEASURE = json.dumps([[]] * 20_000)
_MEASURE_SECONDS = 0.001


@dataclass
class Stall:
    """The longest time between two turns of the event loop, in processor time of its thread: what
    other threads and processes do on the machine is not measured. The clients of the test are
    included."""

    seconds: float = 0.0
    slowness: float = 1.0
    """Of the processor meanwhile: a busy machine takes caches and clock rates away."""

    @property
    def is_short(self) -> bool:
        return self.seconds < _MOST_SECONDS * self.slowness

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s on a processor {self.slowness:.1f} times slower than usual"


async def never_holds_up_the_event_loop(work: Callable[[], Awaitable[object]]) -> None:
    """Do it, some times if it has to be: the garbage of other tests is collected in some round.
    Raises AssertionError."""
    stalls = []
    for _ in range(TRIES):
        async with _longest_stall() as stall:
            await work()
        if stall.is_short:
            return
        stalls.append(str(stall))
    raise AssertionError(f"the event loop was held up for {', '.join(stalls)}")


@asynccontextmanager
async def _longest_stall() -> AsyncIterator[Stall]:
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
        stall.slowness = max(1.0, min(_measured() for _ in range(3)) / _MEASURE_SECONDS)


def _measured() -> float:
    began = time.thread_time()
    json.loads(_MEASURE)
    return time.thread_time() - began
