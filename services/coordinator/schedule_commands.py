"""Jobs that a schedule makes by request: a trigger, and a backfill.

The row of the schedule is locked first, as by a scheduler that fires it: one comes before the
other.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.coordinator.commands import made_before
from services.coordinator.schedule_edits import EditedSchedule, moved
from services.coordinator.store import schedule_runs, schedules
from services.coordinator.store.schedule_runs import NewRun
from services.coordinator.store.schedules import StoredSchedule
from shared.apply.apply import Work, apply
from shared.lifecycle import JobCancelled, JobSubmitted
from shared.planning.new_job import IdempotencyKey, NewJob
from shared.planning.planner import Planner
from shared.planning.scheduled_jobs import id_of_firing, jobs_of
from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.idempotency import store_keys
from shared.store.outbox import Outbox, OutboxRow

HELD_LIMIT = 100
"""The most firings of one schedule that wait for its job to end."""

_ROOM = {"bufferOne": 1, "bufferAll": HELD_LIMIT}


class NoSuchSchedule(Exception):
    """It was deleted meanwhile."""


class NotNow(Exception):
    """The overlap policy forbids a job now; the text says why, and what would allow it."""


class Start(StrEnum):
    NOW = "now"
    AFTER_OTHERS = "after others"
    INSTEAD_OF_OTHERS = "instead of others"


def start_of(overlap: str, active: int, held: int) -> Start:
    """When a triggered job starts, beside `active` jobs of the schedule that are not final and
    `held` firings that wait for them. Raises NotNow."""
    if overlap in _ROOM:
        if not active and not held:
            return Start.NOW
        if held >= _ROOM[overlap]:
            raise NotNow(f"overlap is {overlap}, and {held} firings of it already wait")
        return Start.AFTER_OTHERS
    if overlap == "skip" and active:
        raise NotNow('overlap is skip, and a job of it is not final; pass {"overlap": "allow"}')
    return Start.INSTEAD_OF_OTHERS if overlap == "cancelOther" and active else Start.NOW


@dataclass(frozen=True, slots=True)
class Trigger:
    """None of `overlap`: the schedule's own."""

    schedule_id: str
    overlap: str | None = None
    key: IdempotencyKey | None = None


class ScheduleCommands:
    """All may raise NoSuchSchedule, CannotFire, DatabaseUnavailable."""

    def __init__(self, pool: Pool, outbox: Outbox, planner: Planner) -> None:
        self._pool = pool
        self._outbox = outbox
        self._planner = planner

    async def trigger(self, trigger: Trigger) -> str:
        """The id of the job that is made now, or will be when its turn comes.

        Raises NotNow, KeyReused.
        """
        while True:
            made = await self._triggered(trigger)
            if made is not None:
                return made
            # A key may be forgotten between these two looks at it: then it is as good as new.
            if trigger.key and (job_id := await made_before(self._pool, trigger.key)):
                return job_id

    async def _triggered(self, trigger: Trigger) -> str | None:
        """None: the key was used before."""
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                locked = await self._locked(connection, trigger.schedule_id)
                job_id = id_of_firing(locked.id, locked.now)
                key = trigger.key
                if key is not None and await store_keys(connection, {job_id: key}):
                    return None
                rows = await self._start(connection, locked, trigger.overlap or locked.overlap)
        self._outbox.send(rows)
        return job_id

    async def edit(self, new: EditedSchedule) -> bool:
        """False when it was edited since `new` was made of it.

        Raises NeverFires.
        """
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                locked = await self._locked(connection, new.rules.times.id)
                if locked.version != new.version:
                    return False
                await schedules.edit(connection, new.edit(moved(locked, new.rules)))
        return True

    async def _locked(self, connection: Connection, schedule_id: str) -> StoredSchedule:
        locked = await schedules.lock(connection, schedule_id)
        if locked is None:
            raise NoSuchSchedule(schedule_id)
        return locked

    async def _start(
        self, connection: Connection, locked: StoredSchedule, overlap: str
    ) -> list[OutboxRow]:
        active = await schedules.active_jobs(connection, locked.id)
        start = start_of(overlap, len(active), len(locked.held))
        [job] = jobs_of(locked, [locked.now], locked.now, self._planner.sealer)
        run = NewRun(locked.now, job.job.id)
        if start is Start.AFTER_OTHERS:
            await schedules.hold(connection, locked.id, [locked.now])
            await schedule_runs.add(connection, locked.id, "TRIGGERED", "HELD", [run])
            return []
        cancelled = active if start is Start.INSTEAD_OF_OTHERS else []
        rows = await self._submit(connection, [job], cancelled)
        await schedules.set_last(connection, locked.id, locked.now, job.job.id)
        await schedule_runs.add(connection, locked.id, "TRIGGERED", "FIRED", [run])
        return rows

    async def _submit(
        self, connection: Connection, jobs: list[NewJob], cancelled: list[str]
    ) -> list[OutboxRow]:
        batch = [Work(JobCancelled(job_id)) for job_id in cancelled]
        batch += [Work(JobSubmitted(new.job), new_job=new) for new in jobs]
        return (await apply(connection, self._planner, batch, [])).rows
