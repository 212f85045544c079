"""Turns: so many submissions are worked on at once, some more wait, the rest are sent away.

Whoever submits asks again at once, so that in a flood the event loop would have as many
submissions to work on as there are clients, and each step of a read would wait for all of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.process.guarantees import WORKED_OFF
from shared.process.metrics import Metrics, MetricSpec

_OPEN = MetricSpec(
    "submissions_open",
    "Submissions that are worked on, or wait for their turn, on this coordinator.",
    WORKED_OFF,
    "near 1,000: clients are soon sent away; start another coordinator",
)
_SENT_AWAY = MetricSpec(
    "submissions_sent_away_total",
    "Submissions answered 503, since too many waited for their turn.",
    WORKED_OFF,
    "any increase that clients don't make up for by coming again",
)


class TooManyWaiting(Exception):
    """As many wait as may: whoever comes now should come again later."""


class Turns:
    """`at_once` have their turn, `waiting` more may wait, first come, first served."""

    def __init__(self, at_once: int, waiting: int, metrics: Metrics) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._count = 0
        self._sent_away = metrics.counter(_SENT_AWAY)
        metrics.read_one(_OPEN, lambda: self._count)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the context lasts. Raises TooManyWaiting at once."""
        if self._count >= self._most:
            self._sent_away.inc()
            raise TooManyWaiting
        self._count += 1
        try:
            async with self._turns:
                yield
        finally:
            self._count -= 1
