"""When a schedule fires.

Where clocks change, a time that is skipped fires right after the gap, and one that comes twice
fires the first time; but what goes on every hour, or by the minute (`*/5`), goes on through both.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.jobspec.cron.fields import Fields
from shared.jobspec.cron.matching import readings_after


@dataclass(frozen=True, slots=True)
class Reading:
    """`again` when the clock shows it twice; one that `is_skipped` has the end of the gap."""

    instant: datetime
    again: datetime | None = None
    is_skipped: bool = False


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of `zone` show, without a time zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def read(wall: datetime, zone: ZoneInfo) -> Reading:
    """The instants (UTC) at which the clocks of `zone` show `wall`."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return Reading(first)
    if first < second:
        return Reading(first, again=second)
    # In a gap fold 0 counts with the offset before it, which gives the later of the two.
    return Reading(_change_between(second, first, zone), is_skipped=True)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second at which `zone` has the offset that it has at `after`."""
    new_offset = after.astimezone(zone).utcoffset()

    def has_changed(seconds: int) -> bool:
        return (before + timedelta(seconds=seconds)).astimezone(zone).utcoffset() == new_offset

    length = int((after - before).total_seconds())
    return before + timedelta(seconds=bisect_left(range(length), True, key=has_changed))


_HOURS_A_DAY = 24
_SECOND = timedelta(seconds=1)
_REMEMBERED = 4
"""So many answers: a search for the last firing before a moment asks of both sides of several."""


class Timetable(Protocol):
    """All firings are at whole seconds."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first firing after `instant`, in UTC; None when there will be none."""
        ...


def last_until(table: Timetable, first: datetime, instant: datetime) -> datetime:
    """The last firing up to `instant`, given the `first`, which is not later than that."""
    following = table.next_after(first)
    if following is None or following > instant:
        return first
    first = following

    def is_past_last(seconds: int) -> bool:
        following = table.next_after(first + timedelta(seconds=seconds))
        return following is None or following > instant

    length = int((instant - first).total_seconds())
    return first + timedelta(seconds=bisect_left(range(length), True, key=is_past_last))


@dataclass(frozen=True, slots=True)
class Every:
    """Fires each `length` (whole seconds), counted from `since`."""

    length: timedelta
    since: datetime

    def next_after(self, instant: datetime) -> datetime | None:
        return self.since + self.length * max((instant - self.since) // self.length + 1, 1)


@dataclass(frozen=True, slots=True)
class Once:
    """Fires at one moment, a whole second."""

    at: datetime

    def next_after(self, instant: datetime) -> datetime | None:
        return self.at if self.at > instant else None


class Remembered:
    """Fires as `table` does. What that has answered is kept: between the moment it was asked of and
    the firing it has found there is no other. Else each firing of a hundred expressions would be
    searched for in all of them."""

    __slots__ = ("_found", "_table")

    def __init__(self, table: Timetable) -> None:
        self._table = table
        self._found: list[tuple[datetime, datetime | None]] = []

    def next_after(self, instant: datetime) -> datetime | None:
        for asked, found in self._found:
            if asked <= instant and (found is None or instant < found):
                return found
        found = self._table.next_after(instant)
        self._found = [(instant, found), *self._found[: _REMEMBERED - 1]]
        return found


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Fires when one of its tables does; once when several do."""

    tables: Sequence["Remembered"]

    def next_after(self, instant: datetime) -> datetime | None:
        found = (table.next_after(instant) for table in self.tables)
        return min(filter(None, found), default=None)


@dataclass(frozen=True, slots=True)
class Between:
    """Fires as `table` does, but neither before `start` nor after `end`; at both it does."""

    table: Timetable
    start: datetime | None
    end: datetime | None

    def next_after(self, instant: datetime) -> datetime | None:
        if self.start is not None:
            instant = max(instant, self.start - _SECOND)
        try:
            found = self.table.next_after(instant)
        except OverflowError:  # it would be after the year 9999
            return None
        is_over = found is not None and self.end is not None and found > self.end
        return None if is_over else found


@dataclass(frozen=True, slots=True)
class Calendar:
    """Fires when the clocks of `zone` show what `fields` allow."""

    fields: Fields
    zone: ZoneInfo

    @property
    def _is_hourly(self) -> bool:
        return len(self.fields.hours) == _HOURS_A_DAY

    def next_after(self, instant: datetime) -> datetime | None:
        found = [self._next_first_time(instant)]
        if self._is_hourly or self.fields.is_by_the_minute:
            found.append(self._next_second_time(instant))
        return min(filter(None, found), default=None)

    def _next_first_time(self, instant: datetime) -> datetime | None:
        for wall in readings_after(self.fields, wall_clock(instant, self.zone)):
            reading = read(wall, self.zone)
            if reading.is_skipped and self._is_hourly:
                continue  # the next hour fires by itself
            if reading.instant > instant:
                return reading.instant
        return None

    def _next_second_time(self, instant: datetime) -> datetime | None:
        """In an hour that comes twice, the first firing after `instant` in its second round."""
        now = wall_clock(instant, self.zone)
        here = read(now, self.zone)
        if here.again is None:
            return None  # before such an hour its first round comes first
        length = here.again - here.instant
        for wall in readings_after(self.fields, now - length):
            again = read(wall, self.zone).again
            if again is not None and again > instant:
                return again
            if wall > now + length:
                return None
        return None
