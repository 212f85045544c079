"""When a schedule fires.

Where clocks change, a time that is skipped fires right after the gap, and one that comes twice
fires the first time; but what goes on every hour, or by the minute (`*/5`), goes on through both.

Own code, since the known libraries fire a daily time twice or never on such days, and what
remains without these rules is the search below.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.jobspec.cron.fields import Fields
from shared.jobspec.cron.wall_clock import read, wall_clock

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_HORIZON_DAYS = 8 * 366 + 1  # 29 February 2096 and 2104 are the furthest apart
_HOURS_A_DAY = 24


class Timetable(Protocol):
    """All firings are at whole seconds."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first firing after `instant`, in UTC; None when there will be none."""
        ...


def last_until(table: Timetable, first: datetime, instant: datetime) -> datetime:
    """The last firing up to `instant`, given the `first`, which is not later than that."""

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
        for wall in self.walls_after(wall_clock(instant, self.zone)):
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
        for wall in self.walls_after(now - length):
            again = read(wall, self.zone).again
            if again is not None and again > instant:
                return again
            if wall > now + length:
                return None
        return None

    def walls_after(self, wall: datetime) -> Iterator[datetime]:
        """The matching readings of the clock after `wall`, whether they exist or not."""
        found = self._first_from(wall.replace(second=0, microsecond=0) + _MINUTE)
        while found is not None:
            yield found
            found = self._first_from(found + _MINUTE)

    def _first_from(self, start: datetime) -> datetime | None:
        if self._matches(start.date()) and (found := self._within_day(start)):
            return found
        midnight = start.replace(hour=0, minute=0)
        for days in range(1, _HORIZON_DAYS):
            day = midnight + days * _DAY
            if self._matches(day.date()):
                return day.replace(hour=self.fields.hours[0], minute=self.fields.minutes[0])
        return None

    def _matches(self, day: date) -> bool:
        if day.month not in self.fields.months:
            return False
        of_month = day.day in self.fields.days
        of_week = day.isoweekday() % 7 in self.fields.weekdays
        return (of_month or of_week) if self.fields.either_day else (of_month and of_week)

    def _within_day(self, start: datetime) -> datetime | None:
        for hour in self.fields.hours:
            for minute in self.fields.minutes:
                if (hour, minute) >= (start.hour, start.minute):
                    return start.replace(hour=hour, minute=minute)
        return None
