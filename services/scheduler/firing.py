"""What becomes of the schedules that are due, or whose job has ended. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, cast

from services.scheduler.catch_up import Caught, Due, catch_up_of, caught_up
from services.scheduler.overlap import Overlapped, overlapping, why_skipped
from services.scheduler.store.schedules import Move, TakenSchedule
from shared.jobspec.cron.stored import Firings
from shared.jobspec.overlap import Overlap
from shared.lifecycle import JobState
from shared.planning.new_job import NewJob
from shared.planning.scheduled_jobs import firings_by_rules, jobs_of
from shared.planning.stored_jobs import CannotFire
from shared.planning.template_jobs import StoredTemplate
from shared.process.sealing import Sealer

MOST_JOBS = 200
"""After so many jobs a transaction takes no further schedule."""


class Around(NamedTuple):
    """What a schedule finds: its `active` jobs, which are not final, the states of those that have
    `ended` since it was last looked at, and of the firings that it holds those that its rules made
    (`by_rules`; the others were triggered, or are of a backfill)."""

    active: Collection[str] = ()
    ended: Sequence[str | None] = ()
    by_rules: Collection[datetime] = ()


class Skip(NamedTuple):
    """The firings from `first` to `last`, and why they made no job."""

    first: datetime
    last: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Firing:
    """What becomes of one schedule. `jobs` are one for each of `times`, in that order."""

    taken: TakenSchedule
    move: Move
    times: Sequence[datetime] = ()
    jobs: Sequence[NewJob] = ()
    held: Sequence[datetime] = ()
    skips: Sequence[Skip] = ()
    cancels: Collection[str] = ()
    seconds_late: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """What becomes of schedules that were taken. Those in neither stay due: there were too many
    jobs for one transaction before them."""

    firings: list[Firing] = field(default_factory=list)
    held_back: list[tuple[TakenSchedule, str]] = field(default_factory=list)


def planned(
    taken: Sequence[TakenSchedule],
    around: Mapping[str, Around],
    sealer: Sealer,
    templates: Mapping[str, StoredTemplate] = MappingProxyType({}),
) -> Round:
    """`around`, and the `templates` that jobs are made of, are by the schedule's id."""
    found = Round()
    left = MOST_JOBS
    for each in taken:
        if left <= 0:
            break
        try:
            firing = _firing_of(each, around.get(each.id, Around()), sealer, templates.get(each.id))
        except CannotFire as error:  # it keeps no other from firing
            found.held_back.append((each, str(error)))
        else:
            found.firings.append(firing)
            left -= len(firing.jobs)
    return found


def _firing_of(
    taken: TakenSchedule, around: Around, sealer: Sealer, template: StoredTemplate | None
) -> Firing:
    failures = _failures(taken.failures, around.ended)
    limit = cast(int | None, taken.rules.get("pauseOnFailure"))
    if taken.state == "ACTIVE" and limit is not None and failures >= limit:
        return _paused(taken, failures)
    if taken.state == "PAUSED":
        return Firing(taken, _unmoved(taken)._replace(failures=failures))
    decided = _decided(taken, around, failures)
    times = decided.overlapped.made
    jobs = jobs_of(taken, times, taken.now, sealer, template) if times else []
    return Firing(
        taken,
        decided.move(jobs[-1].job.id if jobs else None),
        times,
        jobs,
        held=[at for at in decided.overlapped.held if at not in taken.held],
        skips=decided.skips,
        cancels=around.active if decided.overlapped.cancels else (),
        seconds_late=decided.seconds_late,
    )


def _failures(before: int, ended: Sequence[str | None]) -> int:
    """Of its jobs in a row. One that was cancelled says nothing."""
    for state in ended:
        if state == JobState.FAILED:
            before += 1
        elif state == JobState.COMPLETED:
            before = 0
    return before


def _unmoved(taken: TakenSchedule) -> Move:
    return Move(
        id=taken.id,
        state=taken.state,
        next_at=taken.next_at,
        look_at=taken.next_at,
        last_at=None,
        last_job_id=None,
        runs=taken.runs,
        failures=taken.failures,
        held=taken.held,
        note=taken.note,
    )


def _paused(taken: TakenSchedule, failures: int) -> Firing:
    jobs = "job" if failures == 1 else "jobs in a row"
    note = f"paused by pauseOnFailure: {failures} failed {jobs}"
    move = _unmoved(taken)._replace(
        state="PAUSED", next_at=None, look_at=None, failures=failures, note=note
    )
    due_at = taken.next_at if taken.next_at and taken.next_at <= taken.now else None
    return Firing(taken, move, skips=[Skip(due_at, due_at, note)] if due_at else [])


@dataclass(frozen=True, slots=True)
class _Decided:
    """`failures` are in a row, `caught` is what is due, `overlapped` what becomes of that."""

    taken: TakenSchedule
    around: Around
    failures: int
    firings: Firings
    caught: Caught
    overlapped: Overlapped

    def move(self, last_job_id: str | None) -> Move:
        made = self.overlapped.made
        runs = self.taken.runs + sum(map(self._is_by_rules, made))
        waiting = sum(map(self._is_by_rules, self.overlapped.held))
        following = None if _is_spent(self.taken, runs + waiting) else self.caught.following
        return Move(
            id=self.taken.id,
            state="ENDED" if following is None else "ACTIVE",
            next_at=following,
            look_at=None if following is None else self.firings.look_at(following),
            last_at=made[-1] if made else None,
            last_job_id=last_job_id,
            runs=runs,
            failures=self.failures,
            held=self.overlapped.held,
            note=None,
        )

    def _is_by_rules(self, at: datetime) -> bool:
        return at in self.caught.times or at in self.around.by_rules

    @property
    def skips(self) -> list[Skip]:
        found: list[Skip] = []
        if self.caught.passed:
            why = f"missed while no scheduler ran, and catchUp is {self.taken.catch_up}"
            found.append(Skip(*self.caught.passed, why))
        if skipped := self.overlapped.skipped:
            overlap = Overlap(self.taken.overlap)
            is_active, is_holding = bool(self.around.active), bool(self.taken.held)
            why = why_skipped(overlap, is_active=is_active, is_holding=is_holding)
            found.append(Skip(min(skipped), max(skipped), why))
        return found

    @property
    def seconds_late(self) -> list[float]:
        """Of those that are due now; a firing that was held is not late."""
        made = [at for at in self.overlapped.made if at in self.caught.times]
        return [(self.taken.now - self.firings.look_at(at)).total_seconds() for at in made]


def _decided(taken: TakenSchedule, around: Around, failures: int) -> _Decided:
    firings = firings_by_rules(taken)
    caught = _caught(taken, firings, len(around.by_rules))
    held = tuple(taken.held)
    is_active = bool(around.active)
    overlapped = overlapping(Overlap(taken.overlap), caught.times, held, is_active=is_active)
    return _Decided(taken, around, failures, firings, caught, overlapped)


def _caught(taken: TakenSchedule, firings: Firings, waiting: int) -> Caught:
    """What is due, but for what goes beyond `maxRuns`."""
    at = taken.next_at
    if at is None or firings.look_at(at) > taken.now:
        return Caught((), None, at)  # taken for its held firings
    catch_up = catch_up_of(taken.catch_up, taken.rules)
    caught = caught_up(Due(firings, catch_up, at, taken.now))
    most = cast(int | None, taken.rules.get("maxRuns"))
    if most is None:
        return caught
    return caught._replace(times=caught.times[: max(most - taken.runs - waiting, 0)])


def _is_spent(taken: TakenSchedule, runs: int) -> bool:
    most = cast(int | None, taken.rules.get("maxRuns"))
    return most is not None and runs >= most
