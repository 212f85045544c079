"""Has the batcher decide what has come due, and tells what came of it."""

import re
from collections.abc import Callable, Sequence

import structlog

from services.scheduler.metrics import SchedulerMetrics
from shared.apply.apply import Work
from shared.apply.batcher import Batcher
from shared.broker import Broker
from shared.lifecycle import Decision, Event, TaskEvent
from shared.messages.queues import COMPLETIONS
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)

_CATCH_UP_SECONDS = 10.0
"""How long a coordinator may need for what lay unread while there was none."""


class Performer:
    def __init__(
        self,
        batcher: Batcher,
        broker: Broker,
        metrics: SchedulerMetrics,
        clock: Callable[[], float] = monotonic_boottime,
    ) -> None:
        self._batcher = batcher
        self._broker = broker
        self._metrics = metrics
        self._clock = clock
        self._reports_stale_until = 0.0

    async def perform_if_reports_are_read(self, events: Sequence[Event]) -> None:
        """Not while no coordinator takes what workers have reported, and shortly after: a task that
        is done would be run again, or fail. Nothing of it could start elsewhere now anyway."""
        if events:
            stats = await self._broker.queue_stats(COMPLETIONS)
            if stats is not None and stats.size and not stats.subscribers:
                self._reports_stale_until = self._clock() + _CATCH_UP_SECONDS
            if self._clock() >= self._reports_stale_until:
                await self.perform(events)

    async def perform(self, events: Sequence[Event]) -> None:
        """Raises the first error, when all have been tried."""
        if not events:
            return
        outcomes = await self._batcher.perform([Work(event) for event in events])
        for event, outcome in zip(events, outcomes, strict=True):
            if isinstance(outcome, Decision):
                self._metrics.on_decided(event)
                task = event.task_id if isinstance(event, TaskEvent) else None
                log.info(_event_name(event), job=event.job_id, task=task)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


def _event_name(event: Event) -> str:
    """`LeaseExpired` as "lease_expired"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
