"""Limits submissions: so many are processed at once, some more wait, the rest get a 503.

Whoever submits asks again at once, so that in a flood the event loop would have as many
submissions to work on as there are clients, and each step of a read would wait for all of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.process.metrics import WORKED_OFF, Metrics, MetricSpec

_OPEN = MetricSpec(
    "submissions_open",
    "Submissions that this coordinator is processing or that wait for it.",
    WORKED_OFF,
    "near 1,000: clients will soon be rejected; start another coordinator",
)
_REJECTED = MetricSpec(
    "submissions_rejected_total",
    "Submissions rejected with 503 because too many were waiting.",
    WORKED_OFF,
    "any increase, unless clients retry",
)


class TooManyWaiting(Exception):
    """As many wait as may: the client should try again later."""


class AdmissionLimiter:
    """`at_once` are processed, `waiting` more may wait, first come, first served."""

    def __init__(self, at_once: int, waiting: int, metrics: Metrics) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._count = 0
        self._rejected = metrics.counter(_REJECTED)
        metrics.read_one(_OPEN, lambda: self._count)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it while the context lasts. Raises TooManyWaiting at once."""
        if self._count >= self._most:
            self._rejected.inc()
            raise TooManyWaiting
        self._count += 1
        try:
            async with self._slots:
                yield
        finally:
            self._count -= 1
