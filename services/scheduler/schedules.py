"""The time door of schedules: each firing makes one job.

Many fire in one transaction. A schedule moves on in the one that makes its job, so that no crash
can lose a firing or make it twice; a job's id comes from the firing, so that not even a schedule
that was set back can.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from services.scheduler.firing import planned
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.overlap import Overlap
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import schedules
from services.scheduler.store.schedules import DueSchedule
from shared.apply.apply import Work, apply
from shared.lifecycle import JobSubmitted
from shared.planning.budgets import TooMuchAtOnce
from shared.planning.new_job import NewJob
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable, translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.garbage import in_thread
from shared.process.sealing import Sealer
from shared.store.outbox import Outbox, OutboxRow

log = structlog.get_logger(__name__)

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01
_TAKEN_AT_ONCE = 100
_HELD_BACK = timedelta(minutes=1)


class ScheduleLoop:
    def __init__(
        self,
        pool: Pool,
        outbox: Outbox,
        sealer: Sealer,
        settings: ScheduleSettings,
        metrics: SchedulerMetrics,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._sealer = sealer
        self._planner = Planner(sealer)
        self._settings = settings
        self._metrics = metrics

    async def fire_due_schedules(self) -> float | None:
        """Returns the time to the next firing when nothing else would tell of it before."""
        async with acquired(self._pool) as connection:
            async with connection.transaction():
                taken = await schedules.take_due(connection, _TAKEN_AT_ONCE)
                rows = await self._fire_all(connection, taken)
            if not taken:
                return await self._wait(connection)
        self._outbox.send(rows)
        return _AT_ONCE

    async def _wait(self, connection: Connection) -> float | None:
        wait = await schedules.seconds_to_next(connection)
        if wait is None or wait > self._settings.round_seconds:
            return None  # `DueWatch` will see it
        return max(wait, _SHORTEST_WAIT_SECONDS)

    async def _fire_all(
        self, connection: Connection, taken: Sequence[DueSchedule]
    ) -> Sequence[OutboxRow]:
        """All together; if that fails each alone."""
        if not taken:
            return []
        try:
            with translated_errors():
                async with connection.transaction():
                    return await self._fire(connection, taken)
        except DatabaseUnavailable:
            raise  # nothing has happened; the next round tries again
        except Exception:  # a bug: it must not keep other schedules from firing
            if len(taken) > 1:
                log.warning("schedules_fired_one_by_one", count=len(taken), exc_info=True)
                return [row for due in taken for row in await self._fire_all(connection, [due])]
            log.exception("schedule_failed", schedule=taken[0].id)
            await self._hold_back(connection, taken[0], "internal error")
        return []

    async def _hold_back(self, connection: Connection, due: DueSchedule, why: str) -> None:
        log.error("schedule_held_back", schedule=due.id, due_at=due.next_at, why=why)
        await schedules.hold_back(connection, due.id, _HELD_BACK, why)

    async def _fire(
        self, connection: Connection, taken: Sequence[DueSchedule]
    ) -> Sequence[OutboxRow]:
        exclusive = [due.id for due in taken if due.overlap != Overlap.ALLOW]
        active = await schedules.with_active_job(connection, exclusive)
        plan = await in_thread(partial(planned, taken, active, self._sealer))
        jobs = [new for firing in plan.firings for new in firing.jobs]
        rows = await self._submit(connection, jobs)
        await schedules.move_on(connection, [firing.move for firing in plan.firings])
        for due, why in plan.held_back:
            await self._hold_back(connection, due, why)
        for firing in plan.firings:
            for seconds in firing.seconds_late:
                self._metrics.schedule_lateness.observe(seconds)
            ids = [new.job.id for new in firing.jobs]
            log.info("schedule_fired", schedule=firing.due.id, due_at=firing.due.next_at, jobs=ids)
        return rows

    async def _submit(self, connection: Connection, jobs: Sequence[NewJob]) -> Sequence[OutboxRow]:
        there = await schedules.existing_jobs(connection, [new.job.id for new in jobs])
        batch = [
            Work(JobSubmitted(new.job), new_job=new) for new in jobs if new.job.id not in there
        ]
        if not batch:
            return []
        try:
            return (await apply(connection, self._planner, batch, [])).rows
        except TooMuchAtOnce:  # one job after the other, still in one transaction
            done = [await apply(connection, self._planner, [work], []) for work in batch]
            return [row for applied in done for row in applied.rows]
