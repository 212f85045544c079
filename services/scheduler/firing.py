"""What becomes of the schedules that are due, and the job that each firing makes. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.scheduler.catch_up import CatchUp, Due, Missed, caught_up
from services.scheduler.overlap import Overlap, overlapping
from services.scheduler.store.schedules import DueSchedule, Move
from shared.jobspec.cron import Timetable
from shared.jobspec.cron.stored import firings_of
from shared.planning.new_job import NewJob
from shared.planning.scheduled_jobs import CannotFire, jobs_of
from shared.process.sealing import Sealer

MOST_JOBS = 200
"""After so many jobs a transaction takes no further schedule."""


@dataclass(frozen=True, slots=True)
class Firing:
    """`jobs` are one for each of `times`; `next_at` is when it fires next."""

    due: DueSchedule
    times: Sequence[datetime]
    jobs: Sequence[NewJob]
    next_at: datetime

    @property
    def seconds_late(self) -> list[float]:
        return [(self.due.now - time).total_seconds() for time in self.times]

    @property
    def move(self) -> Move:
        if not self.jobs:
            return Move(self.due.id, self.next_at, None, None)
        return Move(self.due.id, self.next_at, self.times[-1], self.jobs[-1].job.id)


@dataclass(frozen=True, slots=True)
class Round:
    """What becomes of schedules that are due. Those in neither stay due: there were too many jobs
    for one transaction before them."""

    firings: Sequence[Firing]
    held_back: Sequence[tuple[DueSchedule, str]]


def planned(taken: Sequence[DueSchedule], active: Collection[str], sealer: Sealer) -> Round:
    """`active` are the ids of those with a job that is not final."""
    firings: list[Firing] = []
    held_back: list[tuple[DueSchedule, str]] = []
    left = MOST_JOBS
    for due in taken:
        if left <= 0:
            break
        try:
            firing = _firing_of(due, sealer, is_active=due.id in active)
        except CannotFire as error:  # it keeps no other from firing
            held_back.append((due, str(error)))
        else:
            firings.append(firing)
            left -= len(firing.jobs)
    return Round(firings, held_back)


def _firing_of(due: DueSchedule, sealer: Sealer, *, is_active: bool) -> Firing:
    table = _timetable_of(due)
    caught = caught_up(Due(table, CatchUp(Missed(due.catch_up)), due.next_at, due.now))
    times = overlapping(Overlap(due.overlap), caught.times, (), is_active=is_active).made
    following = table.next_after(due.now)
    if following is None:
        raise CannotFire("it never fires again")
    return Firing(due, times, jobs_of(due, times, due.now, sealer) if times else [], following)


def _timetable_of(due: DueSchedule) -> Timetable:
    try:
        return firings_of(due).table
    except ValueError as error:  # its time zone is unknown here, or the rules have changed
        raise CannotFire(f"schedule: {error}") from None
