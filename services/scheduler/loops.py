"""The time door: one method, one round, for each thing that must happen as time passes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.scheduler.due_times import DueTimes
from services.scheduler.liveness import LivenessGuard
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import RetentionSettings, ScheduleSettings
from services.scheduler.store import due, nodes, retention
from shared.apply.apply import Work
from shared.apply.batcher import Batcher
from shared.broker import Broker
from shared.lifecycle import Decision, Event, TaskEvent
from shared.messages import TaskRef
from shared.messages.queues import COMPLETIONS
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.clock import monotonic_boottime
from shared.process.metrics import Metrics
from shared.store.leases import end_of_nodes
from shared.store.outgoing import status_query_order
from shared.store.subjob_signals import find_lost_signals
from shared.store.writing import Writes, write

log = structlog.get_logger(__name__)

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01
_CATCH_UP_SECONDS = 10.0
"""How long a coordinator may need for what lay unread while there was none."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """What is lost with silent workers, and what workers that are heard don't name."""

    lost: Sequence[Event]
    nodes: Sequence[str]
    unconfirmed: Mapping[str, Sequence[TaskRef]]


class TaskLoops:
    def __init__(
        self,
        batcher: Batcher,
        pool: Pool,
        broker: Broker,
        liveness: LivenessGuard,
        settings: ScheduleSettings,
        metrics: SchedulerMetrics | None = None,
        clock: Callable[[], float] = monotonic_boottime,
    ) -> None:
        self._batcher = batcher
        self._pool = pool
        self._broker = broker
        self._liveness = liveness
        self._metrics = metrics or SchedulerMetrics(Metrics(), liveness)
        self._settings = settings
        self._due_times = DueTimes(pool, liveness, clock)
        self._clock = clock
        self._reports_stale_until = 0.0
        self._queried_tasks: list[str] = []

    async def send_due_retries(self) -> float | None:
        """Returns the time to the next retry when that is sooner than the next round."""
        events = await self._due_times.find(due.due_retries)
        if events:
            await self._perform(events)
            return _AT_ONCE
        async with acquired(self._pool) as connection:
            wait = await due.seconds_to_next_retry(connection)
        if wait is None:
            return None
        return min(max(wait, _SHORTEST_WAIT_SECONDS), self._settings.round_seconds)

    async def end_timed_out_tasks(self) -> None:
        grace = self._settings.timeout_grace
        events = await self._due_times.find(lambda connection: due.timed_out(connection, grace))
        await self._perform_if_reports_are_read(events or ())

    async def mend_subjobs(self) -> None:
        """Sub-jobs and the tasks that stand for them, and families that were to go on, where a
        message between them was lost."""
        async with acquired(self._pool) as connection:
            events = await find_lost_signals(connection)
        await self._perform(events)

    async def expire_leases(self) -> None:
        if self._broker.missing:
            self._liveness.on_outage()
        if not self._liveness.may_declare_lost():
            return
        try:
            silence = await self._due_times.find(self._silence)
            if silence is None:
                return
            await self._query_workers(silence.unconfirmed)
        except DatabaseUnavailable:
            # Nobody's heartbeats can be taken in, also those that this scheduler never sees.
            self._liveness.on_outage()
            raise
        for node in silence.nodes:
            self._metrics.workers_silent.inc()
            log.warning("worker_marked_offline", node=node)
        await self._perform_if_reports_are_read(silence.lost)

    async def _perform_if_reports_are_read(self, events: Sequence[Event]) -> None:
        """Not while no coordinator takes what workers have said, and shortly after: a task that is
        done would be run again, or fail. Nothing of it could start elsewhere now anyway."""
        if events:
            stats = await self._broker.queue_stats(COMPLETIONS)
            if stats is not None and stats.size and not stats.subscribers:
                self._reports_stale_until = self._clock() + _CATCH_UP_SECONDS
            if self._clock() >= self._reports_stale_until:
                await self._perform(events)

    async def _silence(self, connection: Connection) -> _Silence | None:
        if not self._liveness.may_declare_lost():  # the clock has just turned out to be another
            return None
        return _Silence(
            lost=await due.lost(connection),
            nodes=await nodes.mark_silent(connection),
            unconfirmed=await due.unconfirmed(connection),
        )

    async def _query_workers(self, unconfirmed: Mapping[str, Sequence[TaskRef]]) -> None:
        """Ask those that have not named for long what they should have in hand."""
        self._log_queries(unconfirmed)
        if not unconfirmed:
            return
        messages = [status_query_order(node, refs) for node, refs in unconfirmed.items()]
        async with acquired(self._pool) as connection, connection.transaction():
            rows = await write(connection, Writes(messages=messages))
        self._batcher.outbox.send(rows)
        self._metrics.dispatches_queried.inc(sum(map(len, unconfirmed.values())))

    def _log_queries(self, unconfirmed: Mapping[str, Sequence[TaskRef]]) -> None:
        """Once for the same tasks: while no coordinator reads the answers, each round asks."""
        tasks = sorted({ref.task_id for refs in unconfirmed.values() for ref in refs})
        if tasks and tasks != self._queried_tasks:
            log.warning("workers_queried", workers=sorted(unconfirmed), tasks=tasks)
        self._queried_tasks = tasks

    async def take_over(self, dead_nodes: Sequence[str]) -> None:
        """Dispatch anew what ran on workers that are known to be dead, without the grace."""
        async with acquired(self._pool) as connection:
            await nodes.mark_gone(connection, dead_nodes)
            events = await end_of_nodes(connection, dead_nodes)
        await self._perform(events)

    async def resend_missing(self) -> None:
        """Tasks that wait on a queue with nothing in it: their messages are gone."""
        async with acquired(self._pool) as connection:
            before = await due.time_before(connection, self._settings.resend_after)
            queues = await due.waiting_queues(connection, before)
        await self._resend(before, [queue for queue in queues if await self._is_empty(queue)])

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
            await self._perform(events)

    async def _is_empty(self, queue: str) -> bool:
        stats = await self._broker.queue_stats(queue)
        return stats is None or stats.size == 0

    async def _perform(self, events: Sequence[Event]) -> None:
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


class RetentionLoops:
    def __init__(self, pool: Pool, settings: RetentionSettings) -> None:
        self._pool = pool
        self._settings = settings

    async def delete_expired(self) -> float | None:
        """Jobs whose autoDelete or retention time has come; old log parts, events, keys."""
        async with acquired(self._pool) as connection:
            deleted = await retention.delete_expired_jobs(connection)
            deleted += await retention.delete_old_jobs(
                connection, timedelta(days=self._settings.jobs_days)
            )
            deleted += await retention.delete_old_log_parts(
                connection, timedelta(days=self._settings.logs_days)
            )
            deleted += await retention.delete_old_events(
                connection, timedelta(days=self._settings.events_days)
            )
            deleted += await retention.delete_old_idempotency_keys(
                connection, timedelta(hours=self._settings.idempotency_keys_hours)
            )
            await nodes.forget(connection, timedelta(days=self._settings.nodes_days))
        return _AT_ONCE if deleted else None
