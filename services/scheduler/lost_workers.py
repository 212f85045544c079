"""The time door of workers: those that are silent, and tasks that heartbeats don't name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from services.scheduler.due_times import DueTimes
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import Performer
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.store import due, nodes
from shared.lifecycle import Event
from shared.messages import TaskRef
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.leases import end_of_nodes
from shared.store.outbox import Outbox
from shared.store.outgoing import status_query_order
from shared.store.writing import Writes, write

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Silence:
    """What is lost with silent workers, and what workers that are heard don't name."""

    lost: Sequence[Event]
    nodes: Sequence[str]
    unconfirmed: Mapping[str, Sequence[TaskRef]]


@dataclass(eq=False)
class LostWorkers:
    _pool: Pool
    _outbox: Outbox
    _performer: Performer
    _due_times: DueTimes
    _liveness: LivenessGuard
    _metrics: SchedulerMetrics
    _on_nodes_gone: Callable[[], None] = lambda: None
    _queried_tasks: list[str] = field(init=False, default_factory=list)

    async def expire_leases(self) -> None:
        if not self._liveness.may_declare_lost():
            return
        try:
            silence = await self._due_times.find(self._silence)
            if silence is None:
                return
            await self._query(silence.unconfirmed)
        except DatabaseUnavailable:
            # Nobody's heartbeats can be taken in, also those that this scheduler never sees.
            self._liveness.on_outage()
            raise
        for node in silence.nodes:
            self._metrics.workers_silent.inc()
            log.warning("worker_marked_offline", node=node)
        if silence.nodes:
            self._on_nodes_gone()
        await self._performer.perform_if_reports_are_read(silence.lost)

    async def take_over(self, dead_nodes: Sequence[str]) -> None:
        """Dispatch anew what ran on workers that are known to be dead, without the grace."""
        async with acquired(self._pool) as connection:
            await nodes.mark_gone(connection, dead_nodes)
            events = await end_of_nodes(connection, dead_nodes)
        await self._performer.perform(events)

    async def _silence(self, connection: Connection) -> _Silence | None:
        if not self._liveness.may_declare_lost():  # the clock has just turned out to be another
            return None
        return _Silence(
            lost=await due.lost(connection),
            nodes=await nodes.mark_silent(connection),
            unconfirmed=await due.unconfirmed(connection),
        )

    async def _query(self, unconfirmed: Mapping[str, Sequence[TaskRef]]) -> None:
        """Ask workers that have not named for long what they should hold."""
        self._log_queries(unconfirmed)
        if not unconfirmed:
            return
        messages = [status_query_order(node, refs) for node, refs in unconfirmed.items()]
        async with acquired(self._pool) as connection, connection.transaction():
            rows = await write(connection, Writes(messages=messages))
        self._outbox.send(rows)
        self._metrics.dispatches_queried.inc(sum(map(len, unconfirmed.values())))

    def _log_queries(self, unconfirmed: Mapping[str, Sequence[TaskRef]]) -> None:
        """Once for the same tasks: while no coordinator reads the answers, each round asks."""
        tasks = sorted({ref.task_id for refs in unconfirmed.values() for ref in refs})
        if tasks and tasks != self._queried_tasks:
            log.warning("workers_queried", workers=sorted(unconfirmed), tasks=tasks)
        self._queried_tasks = tasks
