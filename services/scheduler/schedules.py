"""The time door of schedules: each firing makes one job.

Many fire in one transaction. A schedule moves on in the one that makes its job, so that no crash
can lose a firing or make it twice; a job's id comes from the firing, so that not even a schedule
that was set back can.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

import structlog

from services.scheduler.firing import Firing, planned
from services.scheduler.firing_rows import look_around, write_down
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import schedules
from services.scheduler.store.schedules import TakenSchedule
from shared.apply.apply import Work, apply_within
from shared.jobspec.overlap import REPLACED
from shared.lifecycle import JobCancelled, JobSubmitted
from shared.planning.planner import Planner
from shared.planning.scheduled_jobs import tag_of
from shared.postgres.errors import DatabaseUnavailable, translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.garbage import in_thread
from shared.store.outbox import Outbox, OutboxRow
from shared.store.templates import templates_of

log = structlog.get_logger(__name__)

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01
_TAKEN_AT_ONCE = 100
_LOOKED_AT = 4 * _TAKEN_AT_ONCE
"""Of so many that are due; others may have those at their beginning."""
_HELD_BACK = timedelta(minutes=1)


class ScheduleLoop:
    def __init__(
        self,
        pool: Pool,
        outbox: Outbox,
        planner: Planner,
        settings: ScheduleSettings,
        metrics: SchedulerMetrics,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._planner = planner
        self._settings = settings
        self._metrics = metrics

    async def fire_due_schedules(self) -> float | None:
        """Returns the time to the next firing when nothing else would tell of it before."""
        async with acquired(self._pool) as connection:
            async with connection.transaction():
                turns = await schedules.take_turns(connection, _LOOKED_AT)
                taken = await schedules.take(connection, _TAKEN_AT_ONCE)
                rows = await self._fire_all(connection, taken, turns)
            if not taken:
                return await self._wait(connection)
        self._outbox.send(rows)
        return _AT_ONCE

    async def call_holding(self) -> None:
        """Those whose firings wait for nothing any more, should nobody have told of it."""
        async with acquired(self._pool) as connection:
            await schedules.call_holding(connection)

    async def _wait(self, connection: Connection) -> float | None:
        wait = await schedules.seconds_to_next(connection)
        if wait is None or wait > self._settings.round_seconds:
            return None  # `DueWatch` will see it
        return max(wait, _SHORTEST_WAIT_SECONDS)

    async def _fire_all(
        self, connection: Connection, taken: Sequence[TakenSchedule], turns: set[str]
    ) -> Sequence[OutboxRow]:
        """All together; if that fails each alone."""
        if not taken:
            return []
        try:
            with translated_errors():
                async with connection.transaction():
                    return await self._fire(connection, taken, turns)
        except DatabaseUnavailable:
            raise  # nothing has happened; the next round tries again
        except Exception:  # a bug: it must not keep other schedules from firing
            if len(taken) > 1:
                log.warning("schedules_fired_one_by_one", count=len(taken), exc_info=True)
                alone = [await self._fire_all(connection, [each], turns) for each in taken]
                return [row for rows in alone for row in rows]
            log.exception("schedule_failed", schedule=taken[0].id)
            ends = await schedules.ends(connection, [taken[0].id])
            await schedules.delete_ends(connection, ends)
            await self._hold_back(connection, taken[0], "internal error")
        return []

    async def _hold_back(self, connection: Connection, taken: TakenSchedule, why: str) -> None:
        log.error("schedule_held_back", schedule=taken.id, due_at=taken.next_at, why=why)
        await schedules.hold_back(connection, taken.id, _HELD_BACK, why)

    async def _fire(
        self, connection: Connection, taken: Sequence[TakenSchedule], turns: set[str]
    ) -> Sequence[OutboxRow]:
        seen = await look_around(connection, taken)
        tags = {each.id: tag for each in taken if (tag := tag_of(each))}
        templates = await templates_of(connection, tags)
        sealer = self._planner.sealer
        plan = await in_thread(partial(planned, taken, seen.around, sealer, templates))
        # What got active after the turns were taken is cancelled in the next round.
        firings = [firing for firing in plan.firings if turns.issuperset(firing.cancels)]
        there = await schedules.existing_jobs(
            connection, [new.job.id for firing in firings for new in firing.jobs]
        )
        rows = await self._submit(connection, firings, there)
        await write_down(connection, firings, seen, there)
        for each, why in plan.held_back:
            await self._hold_back(connection, each, why)
        settled = {firing.taken.id for firing in firings} | {each.id for each, _ in plan.held_back}
        await schedules.delete_ends(connection, [e for e in seen.ends if e.schedule_id in settled])
        for firing in firings:
            self._tell(firing)
        return rows

    def _tell(self, firing: Firing) -> None:
        for seconds in firing.seconds_late:
            self._metrics.schedule_lateness.observe(seconds)
        about = {"schedule": firing.taken.id, "due_at": firing.taken.next_at}
        if firing.jobs:
            log.info("schedule_fired", **about, jobs=[new.job.id for new in firing.jobs])
        for skip in firing.skips:
            log.info("schedule_skipped", **about, until=skip.last, why=skip.why)
        if firing.move.state != firing.taken.state:
            log.info(f"schedule_{firing.move.state.lower()}", **about, note=firing.move.note)

    async def _submit(
        self, connection: Connection, firings: Sequence[Firing], there: Collection[str]
    ) -> Sequence[OutboxRow]:
        """A job that is to be cancelled for another ends in the same transaction."""
        batch = [
            Work(JobCancelled(job_id, reason=REPLACED)) for f in firings for job_id in f.cancels
        ]
        jobs = [new for firing in firings for new in firing.jobs if new.job.id not in there]
        batch += [Work(JobSubmitted(new.job), new_job=new) for new in jobs]
        return await apply_within(connection, self._planner, batch) if batch else []
