"""How long to wait before trying again."""

import asyncio
import random
import time

_FIRST_SECONDS = 0.1
_MOST_SECONDS = 2.0
_CALM_SECONDS = 1.0


class Backoff:
    """Waits of 0.1 s, doubling up to 2 s, each shortened by up to half so that services spread.

    It starts over by itself when nothing had to wait for a second, and for as long as the last
    wait. So a thing that comes up and breaks at once is not tried in a hot loop, and one that held
    is not waited for as long as at the end of the outage before, which could cost a worker its
    lease.
    """

    def __init__(self) -> None:
        self._next_seconds = _FIRST_SECONDS
        self._last_seconds = 0.0
        self._last_wait_ended_at = 0.0

    async def wait(self) -> None:
        self._last_seconds = self._advance()
        await asyncio.sleep(self._last_seconds)
        self._last_wait_ended_at = time.monotonic()

    def _advance(self) -> float:
        calm_seconds = time.monotonic() - self._last_wait_ended_at
        if calm_seconds > max(self._last_seconds, _CALM_SECONDS):
            self._next_seconds = _FIRST_SECONDS
        now_seconds = self._next_seconds
        self._next_seconds = min(now_seconds * 2, _MOST_SECONDS)
        return now_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
