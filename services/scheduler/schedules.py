"""The time door of schedules: each firing makes one job.

The schedule moves on in the transaction that makes the job, so that no crash can lose a firing or
make it twice; a job's id comes from the firing, so that not even a schedule that was set back can.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.scheduler.catch_up import CatchUp, Due, Missed, caught_up
from services.scheduler.firing import CannotFire, jobs_for, timetable_of
from services.scheduler.overlap import Overlap, overlapping
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import schedules
from services.scheduler.store.schedules import DueSchedule
from shared.apply.apply import Work, apply
from shared.jobspec.cron import Timetable
from shared.lifecycle import JobSubmitted
from shared.planning.budgets import TooMuchAtOnce
from shared.planning.new_job import NewJob
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable, translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.sealing import Sealer
from shared.store.outbox import Outbox, OutboxRow

log = structlog.get_logger(__name__)

_AT_ONCE = 0.0
_SHORTEST_WAIT_SECONDS = 0.01
_HELD_BACK = timedelta(minutes=1)


class ScheduleLoop:
    def __init__(
        self, pool: Pool, outbox: Outbox, sealer: Sealer, settings: ScheduleSettings
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._sealer = sealer
        self._planner = Planner(sealer)
        self._settings = settings

    async def fire_due_schedule(self) -> float | None:
        """Returns the time to the next firing when nothing else would tell of it before."""
        async with acquired(self._pool) as connection:
            async with connection.transaction():
                due = await schedules.take_due(connection)
                rows = await self._fire_or_hold_back(connection, due) if due else []
            if due is None:
                return await self._wait(connection)
        self._outbox.send(rows)
        return _AT_ONCE

    async def _wait(self, connection: Connection) -> float | None:
        wait = await schedules.seconds_to_next(connection)
        if wait is None or wait > self._settings.round_seconds:
            return None  # `DueWatch` will see it
        return max(wait, _SHORTEST_WAIT_SECONDS)

    async def _fire_or_hold_back(
        self, connection: Connection, due: DueSchedule
    ) -> Sequence[OutboxRow]:
        try:
            with translated_errors():
                async with connection.transaction():
                    return await self._fire(connection, due)
        except DatabaseUnavailable:
            raise  # nothing has happened; the next round tries again
        except CannotFire as error:
            await self._hold_back(connection, due, str(error))
        except Exception:  # a bug: it must not keep other schedules from firing
            log.exception("schedule_failed", schedule=due.id)
            await self._hold_back(connection, due, "internal error")
        return []

    async def _hold_back(self, connection: Connection, due: DueSchedule, why: str) -> None:
        log.error("schedule_held_back", schedule=due.id, due_at=due.next_at, why=why)
        await schedules.hold_back(connection, due.id, _HELD_BACK, why)

    async def _fire(self, connection: Connection, due: DueSchedule) -> Sequence[OutboxRow]:
        table = timetable_of(due)
        times = await _allowed(connection, due, table)
        jobs = jobs_for(due, times, self._sealer)
        rows = await self._submit(connection, jobs)
        made = (times[-1], jobs[-1].job.id) if jobs else None
        await schedules.move_on(connection, due.id, _next(table, due), made)
        ids = [new.job.id for new in jobs]
        log.info("schedule_fired", schedule=due.id, due_at=due.next_at, jobs=ids)
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


async def _allowed(
    connection: Connection, due: DueSchedule, table: Timetable
) -> Sequence[datetime]:
    catch_up, overlap = CatchUp(Missed(due.catch_up)), Overlap(due.overlap)
    times = caught_up(Due(table, catch_up, due.next_at, due.now)).times
    looks = overlap is not Overlap.ALLOW
    is_active = looks and await schedules.has_active_job(connection, due.id)
    return overlapping(overlap, times, (), is_active=is_active).made


def _next(table: Timetable, due: DueSchedule) -> datetime:
    following = table.next_after(due.now)
    if following is None:
        raise CannotFire("it never fires again")
    return following
