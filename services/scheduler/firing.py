"""Which firings of a schedule are made when some are due: its policies, and nothing else. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.jobspec.cron import Timetable, last_until

CATCH_UP_LIMIT = 100
"""The most firings of one schedule that are made up for; the latest are."""

LATE_AFTER = timedelta(seconds=60)
"""A firing this much late was missed: a scheduler that runs is never so late."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of one schedule: it should have fired at `next_at`, which is not after `now`."""

    table: Timetable
    catch_up: str
    next_at: datetime
    now: datetime


def firings(due: Due) -> Sequence[datetime]:
    """The times to fire for, in order.

    `one` fires once, however much was missed; `all` fires for each; `none` fires only when it is
    not late.
    """
    last = last_until(due.table, due.next_at, due.now)
    if due.catch_up == "all":
        return _up_to(due, last)
    if due.catch_up == "none" and due.now - last > LATE_AFTER:
        return []
    return [last]


def _up_to(due: Due, last: datetime) -> Sequence[datetime]:
    found = [last]
    while found[-1] > due.next_at and len(found) < CATCH_UP_LIMIT:
        found.append(last_until(due.table, due.next_at, found[-1] - _SECOND))
    return found[::-1]
