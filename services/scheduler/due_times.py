"""Asking what is due by the database's clock, but only while that clock can be trusted.

The clock is read in the transaction that asks, so it can't be set between the two. When it has been
set, what is stored is mended first: nothing is later than its full length from now on, time-outs
begin anew, and no worker is lost before heartbeats have renewed their leases (`LivenessGuard`). Two
schedulers that both do so do no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from services.scheduler.database_clock import DatabaseClock, Look, Verdict
from services.scheduler.liveness import LivenessGuard
from services.scheduler.store import clock_changes
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TRIES = 2  # the second is for what the first had to mend


class DueTimes:
    def __init__(
        self, pool: Pool, liveness: LivenessGuard, clock: Callable[[], float] = monotonic_boottime
    ) -> None:
        self._pool = pool
        self._liveness = liveness
        self._clock = clock
        self._database_clock = DatabaseClock()
        self._unmended: Verdict | None = None
        self._mending = asyncio.Lock()

    async def find(self, query: Callable[[Connection], Awaitable[T]]) -> T | None:
        """What `query` finds in a transaction by its now(); None as long as that can't be trusted.

        Raises DatabaseUnavailable.
        """
        for _ in range(_TRIES):
            async with acquired(self._pool) as connection:
                before = self._clock()
                async with connection.transaction():
                    at = await clock_changes.now_seconds(connection)
                    verdict = self._judge(Look(at, before, self._clock()))
                    if verdict is Verdict.UNSURE:
                        return None
                    if self._unmended is None:
                        return await query(connection)
            await self._mend()
        return None

    def _judge(self, look: Look) -> Verdict:
        verdict = self._database_clock.judge(look)
        if verdict in (Verdict.SET_FORWARD, Verdict.SET_BACK):
            log.warning("database_clock_changed", how=verdict.value)
            self._liveness.on_outage()
        if verdict not in (Verdict.STEADY, Verdict.UNSURE):
            self._unmended = verdict
        return verdict

    async def _mend(self) -> None:
        """What fails is tried again in the next round: until then nothing is due."""
        async with self._mending:
            verdict = self._unmended
            if verdict is None:  # another round has done it
                return
            async with acquired(self._pool) as connection:
                if verdict is Verdict.SET_FORWARD:
                    await clock_changes.begin_timeouts_anew(connection)
                elif verdict is Verdict.SET_BACK or await clock_changes.was_set_back(connection):
                    await clock_changes.bring_forward(connection)
            if self._unmended is verdict:
                self._unmended = None
