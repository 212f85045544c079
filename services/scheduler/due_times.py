"""Asking what is due by the database's clock, but only while that clock can be trusted.

The clock is read in the transaction that asks, so it can't be set between the two. When it has been
set, what is stored is mended first: nothing is later than its full length from now on, time-outs
begin anew, and no worker is lost before heartbeats have renewed their leases (`LivenessGuard`). Two
schedulers that both do so do no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import structlog

from services.scheduler.liveness import LivenessGuard
from services.scheduler.store import clock_changes
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)


_NOTICED_SECONDS = 0.5
"""A smaller change does no harm: a worker stops its tasks well before their lease ends."""

_SLOW_SECONDS = 1.0
"""What took this long to ask for says too little."""

_COMPARED_SECONDS = 60.0
"""How far back: two clocks that drift apart slowly never differ by much within a lease."""

T = TypeVar("T")
_TRIES = 2  # the second is for what the first had to mend


@dataclass(frozen=True, slots=True)
class Look:
    """The database's clock said `at` (seconds) between `before` and `after` of our own clock."""

    at: float
    before: float
    after: float

    @property
    def is_slow(self) -> bool:
        return self.after - self.before > _SLOW_SECONDS

    def seconds_ahead_of(self, other: "Look") -> float:
        """By how much the clock was certainly set between the two; negative when it was set back,
        0 when it may not have been set at all."""
        least = (self.at - self.after) - (other.at - other.before)
        most = (self.at - self.before) - (other.at - other.after)
        return max(least, 0.0) + min(most, 0.0)


class Verdict(Enum):
    FIRST = "first"  # nothing is known of what was before
    STEADY = "steady"
    UNSURE = "unsure"
    SET_FORWARD = "set forward"
    SET_BACK = "set back"


class DatabaseClock:
    """Whether the database's clock has been set since it was looked at last. Pure.

    Leases, time-outs and delays are moments of that clock. When it is set forward, or a standby
    whose clock is ahead takes over, every lease looks expired while its worker lives, and the tasks
    would be run twice; when it is set back, what a dead worker left is waited for as long as it was
    set back. Each look holds the clock against one of this process's own that nobody can set.
    """

    def __init__(self) -> None:
        self._compared: Look | None = None

    def judge(self, look: Look) -> Verdict:
        if look.is_slow:
            return Verdict.UNSURE
        compared = self._compared
        if compared is None:
            self._compared = look
            return Verdict.FIRST
        seconds = look.seconds_ahead_of(compared)
        if abs(seconds) > _NOTICED_SECONDS:
            self._compared = look
            return Verdict.SET_FORWARD if seconds > 0 else Verdict.SET_BACK
        if look.after - compared.after > _COMPARED_SECONDS:
            self._compared = look
        return Verdict.STEADY


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
