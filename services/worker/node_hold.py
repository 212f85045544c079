"""The hold that a worker puts itself on: while it lasts, `Intakes` takes nothing new."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from services.worker.blame import NO_FAILURE, Fault, HoldRules, Streak, after_failure
from services.worker.metrics import WorkerMetrics
from shared.messages import RunTask
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)


class Hold(NamedTuple):
    until: datetime
    reason: str


class NodeHold:
    """`current` is None unless the node is on hold; `on_changed` is called when it changes."""

    def __init__(
        self,
        rules: HoldRules,
        metrics: WorkerMetrics,
        clock: Callable[[], float] = monotonic_boottime,
    ) -> None:
        """`clock` is that of `HeldTask.taken_at`."""
        self.current: Hold | None = None
        self.on_changed: Callable[[], None] = lambda: None
        self._rules = rules
        self._metrics = metrics
        self._clock = clock
        self._streak = NO_FAILURE
        self._end: asyncio.TimerHandle | None = None

    def on_failure(self, order: RunTask, fault: Fault, taken_at: float) -> None:
        """An attempt failed, and that may be the node's fault."""
        now, before, job = self._clock(), self._streak, order.origin or order.job_id
        self._streak = after_failure(before, job, fault, taken_at, now, self._rules)
        if self._streak.held_until > before.held_until:
            self._begin(self._streak)

    def forget_failures(self) -> None:
        """An attempt succeeded, or an administrator says that the worker may take tasks."""
        self._streak = NO_FAILURE
        self._end_hold()

    def _begin(self, streak: Streak) -> None:
        seconds = streak.hold_seconds
        self._end_hold()
        self.current = Hold(datetime.now(UTC) + timedelta(seconds=seconds), streak.reason)
        self._end = asyncio.get_running_loop().call_later(seconds, self._end_hold)
        self._metrics.holds.inc()
        log.warning("node_hold_begun", seconds=seconds, reason=streak.reason)
        self.on_changed()

    def _end_hold(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self.current is None:
            return
        self.current = None
        log.info("node_hold_ended")
        self.on_changed()
