"""Which firings of a schedule are due, when some may have been missed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, cast

from pydantic import JsonValue

from shared.jobspec.cron import last_until
from shared.jobspec.cron.stored import Firings, duration_of

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
    """What is due of one schedule: it should have fired at `next_at`, and was to be looked at for
    that not after `now`."""

    firings: Firings
    catch_up: CatchUp
    next_at: datetime
    now: datetime


class Caught(NamedTuple):
    """The times to fire for, in order. Those of `passed` (the first and the last of them, all
    before) are not made up for. `following` is the first that is not due yet."""

    times: tuple[datetime, ...]
    passed: tuple[datetime, datetime] | None
    following: datetime | None


def caught_up(due: Due) -> Caught:
    last, following = _last_due(due)
    earliest, look_at = due.catch_up.earliest(due.now), due.firings.look_at
    if earliest is not None and look_at(last) < earliest:
        return Caught((), (due.next_at, last), following)
    found = [last]
    while len(found) < due.catch_up.limit and (before := _before(found[-1], due)) is not None:
        if earliest is not None and look_at(before) < earliest:
            break
        found.append(before)
    passed = _before(found[-1], due)
    return Caught(tuple(found[::-1]), None if passed is None else (due.next_at, passed), following)


def _last_due(due: Due) -> tuple[datetime, datetime | None]:
    """With what comes after it. Of several that are past, the last may still wait for its jitter:
    each is looked at before the next one."""
    table = due.firings.table
    following = table.next_after(due.next_at)
    if following is None or following > due.now:
        return due.next_at, following
    last = last_until(table, following, due.now)
    if due.firings.look_at(last) <= due.now:
        return last, table.next_after(last)
    return last_until(table, due.next_at, last - _SECOND), last


def _before(firing: datetime, due: Due) -> datetime | None:
    if firing <= due.next_at:
        return None
    return last_until(due.firings.table, due.next_at, firing - _SECOND)


def catch_up_of(policy: str, rules: Mapping[str, JsonValue]) -> CatchUp:
    """As a row of `schedules` keeps it."""
    given = rules.get("catchUp")
    if not isinstance(given, dict):
        return CatchUp(Missed(policy))
    limit = cast(int | None, given.get("limit")) or CATCH_UP_LIMIT
    return CatchUp(Missed(policy), duration_of(given, "window"), limit)
