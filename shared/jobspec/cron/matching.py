"""The readings of a clock that fields of a cron expression allow, which croniter finds.

It gets them spelled out as lists of numbers, which all readers of cron agree on, and a clock
without a time zone: left to itself croniter fires a daily time twice where clocks change, and its
syntax takes more than Tork's.
"""

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from datetime import datetime
from functools import lru_cache
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING

from shared.jobspec.cron.fields import LAST, Fields

if TYPE_CHECKING:  # else imported for the first expression: it takes 2 MB
    from croniter import croniter

_KEPT = 4096
_ALL = "*"
_YEARS = 9  # 29 February 2096 and 2104 are the furthest apart
_YEARS_OF_NTH = 41  # and the fifth Sundays of February 2088 and 2128


def readings_after(fields: Fields, wall: datetime) -> Iterator[datetime]:
    """Those after `wall`, in order, whether the clock ever shows them or not."""
    found = [_readings(search, wall) for search in _searches(fields)]
    return found[0] if len(found) == 1 else (at for at, _ in groupby(merge(*found)))


def _readings(search: "croniter", wall: datetime) -> Iterator[datetime]:
    search = copy(search)
    search.set_current(wall)
    while True:
        try:
            yield search.get_next(datetime)
        except ValueError:  # no such day within the horizon, so none; or after the year 9999
            return


@lru_cache(maxsize=_KEPT)
def _searches(fields: Fields) -> "Sequence[croniter]":
    """To be copied: reading an expression takes croniter longer than a search."""
    from croniter import croniter

    return [
        croniter(text, max_years_between_matches=_YEARS_OF_NTH if "#" in text else _YEARS)
        for text in _texts(fields)
    ]


def _texts(fields: Fields) -> Iterator[str]:
    """One for each kind of day: of two kinds in one text croniter wants both."""
    minutes, hours = _listed(fields.minutes, range(60)), _listed(fields.hours, range(24))
    months = _listed(fields.months, range(1, 13))
    for of_month, of_week in _days(fields):
        yield f"{minutes} {hours} {of_month} {months} {of_week}"


def _days(fields: Fields) -> Iterator[tuple[str, str]]:
    of_month = _listed(fields.days, range(1, 32))
    if fields.has_last_day and of_month != _ALL:
        of_month = f"{of_month},l" if of_month else "l"
    if fields.either_day or of_month != _ALL:
        yield of_month, _ALL
    if fields.either_day or of_month == _ALL:
        of_week = [_listed(fields.weekdays, range(7)), ",".join(map(_nth, fields.nth_weekdays))]
        yield from ((_ALL, days) for days in of_week if days)


def _listed(allowed: Collection[int], values: range) -> str:
    return _ALL if len(allowed) == len(values) else ",".join(map(str, sorted(allowed)))


def _nth(weekday: tuple[int, int]) -> str:
    day, number = weekday
    return f"l{day}" if number == LAST else f"{day}#{number}"
