"""The time door of tasks: one method, one round, for each thing that must happen as time passes.

`DueWatch` looks each round for which of the others there is something to do, `Performer` has the
batcher decide what has come due.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from services.scheduler.due_times import DueTimes
from services.scheduler.liveness import LivenessGuard
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import due
from shared.apply.apply import Work
from shared.apply.batcher import Batcher
from shared.broker.protocol import Broker
from shared.lifecycle import Decision, Event, TaskEvent
from shared.messages.queues import COMPLETIONS, node_task_queue
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.clock import monotonic_boottime
from shared.store.subjob_signals import find_lost_signals

log = structlog.get_logger(__name__)

_CATCH_UP_SECONDS = 10.0
"""How long a coordinator may need for what lay unread while there was none."""

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01


@dataclass(eq=False)
class Performer:
    _batcher: Batcher
    _broker: Broker
    _metrics: SchedulerMetrics
    _clock: Callable[[], float] = monotonic_boottime
    _reports_stale_until: float = field(init=False, default=0.0)

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


class DueWatch:
    """Looks each round, with one query, for which of the other rounds there is something to do.

    Those look only then, and now and then by themselves: after the database's clock was set back
    nothing seems due. So a scheduler with nothing to do costs next to nothing.
    """

    def __init__(
        self, pool: Pool, broker: Broker, liveness: LivenessGuard, settings: ScheduleSettings
    ) -> None:
        self._pool = pool
        self._broker = broker
        self._liveness = liveness
        self._ahead = timedelta(seconds=settings.round_seconds)
        self._timeout_grace = timedelta(seconds=settings.timeout_grace_seconds)
        self.events = {kind: asyncio.Event() for kind in due.KINDS}

    async def look_for_what_is_due(self) -> None:
        """One round: sets the event of each kind of which something is due before the next."""
        if self._broker.missing:
            self._liveness.on_outage()
        self._liveness.may_declare_lost()  # it must be asked each round
        try:
            async with acquired(self._pool) as connection:
                kinds = await due.kinds_due(connection, self._ahead, self._timeout_grace)
        except DatabaseUnavailable:
            # Nobody's heartbeats can be taken in, also those that this scheduler never sees.
            self._liveness.on_outage()
            raise
        for kind in kinds:
            self.events[kind].set()


@dataclass(eq=False)
class TaskLoops:
    _pool: Pool
    _broker: Broker
    _performer: Performer
    _due_times: DueTimes
    _settings: ScheduleSettings

    async def send_due_retries(self) -> float | None:
        """Returns the time to the next retry when nothing else would tell of it before."""
        return await self._perform_due(due.due_retries, due.seconds_to_next_retry)

    async def start_due_jobs(self) -> float | None:
        """As `send_due_retries`, of jobs that wait for their time."""
        return await self._perform_due(due.due_starts, due.seconds_to_next_start)

    async def _perform_due(
        self,
        found: Callable[[Connection], Awaitable[Sequence[Event]]],
        seconds_to_next: Callable[[Connection], Awaitable[float | None]],
    ) -> float | None:
        events = await self._due_times.find(found)
        if events:
            await self._performer.perform(events)
            return _AT_ONCE
        async with acquired(self._pool) as connection:
            wait = await seconds_to_next(connection)
        if wait is None or wait > self._settings.round_seconds:
            return None  # `DueWatch` will see it
        return max(wait, _SHORTEST_WAIT_SECONDS)

    async def end_timed_out_tasks(self) -> None:
        grace = timedelta(seconds=self._settings.timeout_grace_seconds)
        events = await self._due_times.find(lambda connection: due.timed_out(connection, grace))
        await self._performer.perform_if_reports_are_read(events or ())

    async def mend_subjobs(self) -> None:
        """Sub-jobs and the tasks that stand for them, and families that were to go on, where a
        message between them was lost."""
        async with acquired(self._pool) as connection:
            events = await find_lost_signals(connection)
        await self._performer.perform(events)

    async def count_slots(self) -> None:
        """Where what counts for the limits of jobs is not what was counted."""
        async with acquired(self._pool) as connection:
            events = await due.due_slot_counts(connection)
        await self._performer.perform(events)

    async def resend_missing(self) -> None:
        """Tasks that wait on a queue with nothing in it: their messages are gone."""
        async with acquired(self._pool) as connection:
            age = timedelta(seconds=self._settings.resend_after_seconds)
            before = await due.time_before(connection, age)
            queues = await due.waiting_queues(connection, before)
            nodes = await due.waiting_nodes(connection, before)
        await self._resend(before, [queue for queue in queues if await self._is_empty(queue)])
        lost = [node for node in nodes if await self._is_empty(node_task_queue(node))]
        if lost:  # what is left over those that this finds is found by the next round
            async with acquired(self._pool) as connection:
                events = await due.waiting_on_nodes(connection, before, lost)
            await self._performer.perform(events)

    async def resend_all(self) -> None:
        """Every task that waits, whatever its queue says: no message of theirs is left."""
        async with acquired(self._pool) as connection:
            before = await due.time_before(connection, timedelta())
            queues = await due.waiting_queues(connection, before)
        await self._resend(before, queues)

    async def _resend(self, before: datetime, queues: Sequence[str]) -> None:
        """All that were sent before then; sent again, they no longer are."""
        while queues:
            async with acquired(self._pool) as connection:
                events = await due.waiting(connection, before, queues)
            if not events:
                return
            await self._performer.perform(events)

    async def _is_empty(self, queue: str) -> bool:
        stats = await self._broker.queue_stats(queue)
        return stats is None or stats.size == 0
