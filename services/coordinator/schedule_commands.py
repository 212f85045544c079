"""Jobs that a schedule makes by request: a trigger, and a backfill.

The row of the schedule is locked first, as by a scheduler that fires it: one comes before the
other.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial

from pydantic import JsonValue

from services.coordinator.backfill import Backfill, Backfilled, fates, overlap_of, times_of
from services.coordinator.commands import (
    MOST_LOOKS,
    InsufficientBalance,
    Unsettled,
    made_before,
)
from services.coordinator.schedule_edits import NEVER, EditedSchedule, NeverFires, moved
from services.coordinator.store import schedule_runs, schedules
from services.coordinator.store.connected import connected
from services.coordinator.store.schedule_runs import NewRun
from services.coordinator.store.schedules import StoredSchedule
from shared.apply.apply import NotAdmitted, Work, apply_within
from shared.jobspec.overlap import BUFFERS, REPLACED, Overlap
from shared.lifecycle import JobCancelled, JobSubmitted
from shared.planning.new_job import IdempotencyKey
from shared.planning.planner import Planner
from shared.planning.scheduled_jobs import (
    NO_INPUTS,
    firings_by_rules,
    id_of_firing,
    jobs_of,
    tag_of,
)
from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.garbage import in_thread
from shared.store.idempotency import store_keys
from shared.store.notices import Notice, add_notices, notice_of_firing
from shared.store.outbox import Outbox, OutboxRow
from shared.store.templates import templates_of
from shared.store.uploads import WantedUploads, require_usable

Times = Sequence[datetime]

_AT_ONCE = 50
"""Jobs of a backfill that are created in one transaction."""


class NoSuchSchedule(Exception):
    """It was deleted meanwhile."""


class NotNow(Exception):
    """The overlap policy forbids a job now; the text says why, and what would allow it."""


class _TurnMissed(Exception):
    """A job that is to be cancelled was made after the turns at the others were taken."""


class Start(StrEnum):
    NOW = "now"
    AFTER_OTHERS = "after others"
    INSTEAD_OF_OTHERS = "instead of others"


def start_of(overlap: str, active: int, held: int) -> Start:
    """When a triggered job starts, beside `active` jobs of the schedule that are not final and
    `held` firings that wait for them. Raises NotNow."""
    if overlap in BUFFERS:
        if not active and not held:
            return Start.NOW
        if held >= BUFFERS[overlap]:
            raise NotNow(f"overlap is {overlap}, and {held} firings of it already wait")
        return Start.AFTER_OTHERS
    if overlap == Overlap.SKIP and active:
        raise NotNow('overlap is skip: a job of it is still active; pass {"overlap": "allow"}')
    return Start.INSTEAD_OF_OTHERS if overlap == Overlap.CANCEL_OTHER and active else Start.NOW


@dataclass(frozen=True, slots=True)
class Trigger:
    """None of `overlap`: the schedule's own. `inputs` are of this job alone."""

    schedule_id: str
    overlap: str | None = None
    key: IdempotencyKey | None = None
    inputs: Mapping[str, JsonValue] = field(default_factory=dict)


class ScheduleCommands:
    """All may raise NoSuchSchedule, CannotFire, DatabaseUnavailable."""

    def __init__(self, pool: Pool, outbox: Outbox, planner: Planner) -> None:
        self._pool = pool
        self._outbox = outbox
        self._planner = planner

    async def trigger(self, trigger: Trigger) -> str:
        """The id of the job that is made now, or will be when its turn comes.

        Raises NotNow, KeyReused, InvalidJob, InsufficientBalance, Unsettled.
        """
        for _ in range(MOST_LOOKS):
            with suppress(_TurnMissed):  # nothing has happened: anew, with a turn at all of them
                try:
                    made = await self._triggered(trigger)
                except NotAdmitted as refusal:
                    raise InsufficientBalance(str(refusal)) from None
                if made is not None:
                    return made
            # A key may be forgotten between these two looks at it: then it is as good as new.
            if trigger.key and (job_id := await made_before(self._pool, trigger.key)):
                return job_id
        raise Unsettled("its other jobs have changed at every look")

    async def _triggered(self, trigger: Trigger) -> str | None:
        """None: the key was used before."""
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                turns = await schedules.take_turns(connection, trigger.schedule_id)
                locked = await self._locked(connection, trigger.schedule_id)
                job_id = id_of_firing(locked.id, locked.now)
                key = trigger.key
                if key is not None and await store_keys(connection, {job_id: key}):
                    return None
                rows = await self._start(connection, locked, trigger, turns)
        self._outbox.send(rows)
        return job_id

    async def edit(self, new: EditedSchedule, *, is_dry_run: bool = False) -> bool:
        """False when it was edited since `new` was made of it. A dry run only checks.

        Raises NeverFires, InvalidJob.
        """
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                locked = await self._locked(connection, new.rules.times.id)
                if locked.version != new.version:
                    return False
                uploads = WantedUploads(locked.id, new.uploads, locked.created_by, locked.id)
                edit = new.edit(moved(locked, new.rules))
                if is_dry_run:
                    await require_usable(connection, uploads)
                else:
                    await schedules.edit(connection, edit, uploads)
        return True

    async def resume(self, schedule_id: str) -> bool:
        """Whether it was PAUSED: it fires next as its rules say from now on. Raises NeverFires."""
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                locked = await self._locked(connection, schedule_id)
                if locked.state != "PAUSED":
                    return False
                following = firings_by_rules(locked).next_after(locked.now)
                if following is None:
                    raise NeverFires(NEVER)
                return await schedules.resume(connection, schedule_id, following)

    async def backfill(self, asked: Backfill) -> list[Backfilled]:
        """What becomes of each firing of the range; of a dry run what would.

        Jobs are created some at a time. What is asked for again is not created twice, so that it
        can be asked for again whatever has happened. Raises BadRange, NotNow.
        """
        stored = await connected(self._pool, schedules.stored, asked.schedule_id)
        if stored is None:
            raise NoSuchSchedule(asked.schedule_id)
        times = await in_thread(partial(times_of, asked, stored))
        found: list[Backfilled] = []
        for begin in range(0, len(times), _AT_ONCE):
            part = times[begin : begin + _AT_ONCE]
            if asked.is_dry_run:
                found += await connected(self._pool, self._fates, stored, asked, part)
            else:
                found += await self._backfilled(asked, stored.version, part)
        return found

    async def _fates(
        self, connection: Connection, stored: StoredSchedule, asked: Backfill, part: Times
    ) -> list[Backfilled]:
        there = await schedule_runs.there(connection, stored.id, _runs(stored, part))
        return fates(stored, part, there, overlap_of(asked, stored))

    async def _backfilled(self, asked: Backfill, version: int, part: Times) -> list[Backfilled]:
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                locked = await self._locked(connection, asked.schedule_id)
                if locked.version != version:
                    raise NotNow("it was edited meanwhile; ask again for the rest of the range")
                found = await self._fates(connection, locked, asked, part)
                made = [each.at for each in found if each.fate == "FIRED"]
                held = [each.at for each in found if each.fate == "HELD"]
                rows = await self._fire(connection, locked, "BACKFILLED", made)
                await self._hold(connection, locked, "BACKFILLED", held)
        self._outbox.send(rows)
        return found

    async def _locked(self, connection: Connection, schedule_id: str) -> StoredSchedule:
        locked = await schedules.lock(connection, schedule_id)
        if locked is None:
            raise NoSuchSchedule(schedule_id)
        return locked

    async def _start(
        self, connection: Connection, locked: StoredSchedule, trigger: Trigger, turns: set[str]
    ) -> Sequence[OutboxRow]:
        active = await schedules.active_jobs(connection, locked.id)
        overlap = trigger.overlap or locked.overlap
        start = start_of(overlap, len(active), len(locked.held))
        if start is Start.AFTER_OTHERS:
            if trigger.inputs:  # of what waits, its time alone is kept
                raise NotNow(
                    f"overlap is {overlap}, and a job that waits for others takes no "
                    'inputs; pass {"overlap": "allow"}'
                )
            await self._hold(connection, locked, "TRIGGERED", [locked.now])
            return []
        cancelled = active if start is Start.INSTEAD_OF_OTHERS else []
        if not turns.issuperset(cancelled):
            raise _TurnMissed
        rows = await self._fire(
            connection, locked, "TRIGGERED", [locked.now], cancelled, trigger.inputs
        )
        job_id = id_of_firing(locked.id, locked.now)
        await schedules.set_last(connection, locked.id, locked.now, job_id)
        return rows

    async def _hold(
        self, connection: Connection, locked: StoredSchedule, kind: str, times: Times
    ) -> None:
        if times:
            await schedules.hold(connection, locked.id, times)
            await schedule_runs.add(connection, locked.id, kind, "HELD", _runs(locked, times))

    async def _fire(
        self,
        connection: Connection,
        locked: StoredSchedule,
        kind: str,
        times: Times,
        cancelled: Sequence[str] = (),
        inputs: Mapping[str, JsonValue] = NO_INPUTS,
    ) -> Sequence[OutboxRow]:
        if not times:
            return []
        tag = tag_of(locked)
        found = await templates_of(connection, {locked.id: tag} if tag else {})
        sealer, template = self._planner.sealer, found.get(locked.id)
        making = partial(jobs_of, locked, times, locked.now, sealer, template, inputs)
        jobs = await in_thread(making)
        batch = [Work(JobCancelled(job_id, reason=REPLACED)) for job_id in cancelled]
        is_requested = kind == "TRIGGERED"  # what a backfill makes up for was due anyway
        batch += [
            Work(JobSubmitted(new.job), new_job=new, is_requested=is_requested) for new in jobs
        ]
        rows = await apply_within(connection, self._planner, batch)
        runs = _runs(locked, times)
        await schedule_runs.add(connection, locked.id, kind, "FIRED", runs)
        await add_notices(connection, [_notice(locked, run) for run in runs])
        return rows


def _runs(schedule: StoredSchedule, times: Times) -> list[NewRun]:
    return [NewRun(at, id_of_firing(schedule.id, at)) for at in times]


def _notice(schedule: StoredSchedule, run: NewRun) -> Notice:
    return notice_of_firing(
        schedule, "schedule.Fired", scheduledAt=run.scheduled_at, jobId=run.job_id
    )
