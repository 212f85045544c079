"""Which firings of a schedule are due, when some may have been missed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.jobspec.cron import Timetable, last_until

CATCH_UP_LIMIT = 100
"""The most firings of one schedule that are made up for, if it names no number; the latest are."""

LATE_AFTER = timedelta(seconds=60)
"""A firing this much late was missed: a scheduler that runs is never so late."""

_SECOND = timedelta(seconds=1)


class Missed(StrEnum):
    NONE = "none"
    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What is made up for: nothing, the last that was missed or each, if it was missed less than
    `window` ago, at most `most` of them."""

    missed: Missed
    window: timedelta | None = None
    most: int = CATCH_UP_LIMIT

    def earliest(self, now: datetime) -> datetime | None:
        """What was due before is not made up for; None: whenever it was."""
        if self.missed is Missed.NONE:
            return now - LATE_AFTER
        return None if self.window is None else now - max(self.window, LATE_AFTER)

    @property
    def limit(self) -> int:
        return self.most if self.missed is Missed.ALL else 1


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of one schedule: it should have fired at `next_at`, which is not after `now`."""

    table: Timetable
    catch_up: CatchUp
    next_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Caught:
    """The times to fire for, in order. Those of `passed` (the first and the last of them, all
    before) are not made up for."""

    times: tuple[datetime, ...]
    passed: tuple[datetime, datetime] | None


def caught_up(due: Due) -> Caught:
    earliest = due.catch_up.earliest(due.now) or due.next_at
    last = last_until(due.table, due.next_at, due.now)
    if last < earliest:
        return Caught((), (due.next_at, last))
    found = [last]
    while len(found) < due.catch_up.limit and (before := _before(found[-1], due)) is not None:
        if before < earliest:
            break
        found.append(before)
    passed = _before(found[-1], due)
    return Caught(tuple(found[::-1]), None if passed is None else (due.next_at, passed))


def _before(firing: datetime, due: Due) -> datetime | None:
    if firing <= due.next_at:
        return None
    return last_until(due.table, due.next_at, firing - _SECOND)
