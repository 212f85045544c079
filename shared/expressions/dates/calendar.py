"""Days to dates and back, in the calendar we use, extended to year 0 and beyond."""

from dataclasses import dataclass

from shared.expressions.dates.spans import SECOND
from shared.expressions.dates.zones import local_to_utc, offset_at
from shared.expressions.values import Location, Time

_DAY = 86_400
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Clock:
    """A date and time of day, as a wall clock in some zone shows it."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    day_of_week: int  # 0 is Sunday
    day_of_year: int
    offset: int  # seconds east of UTC
    zone: str
    summer: bool


def clock(time: Time) -> Clock:
    """What a clock in the time's own zone shows."""
    seconds, nanosecond = divmod(time.nanoseconds, SECOND)
    offset, zone, summer = offset_at(time.location, seconds)
    days, rest = divmod(seconds + offset, _DAY)
    year, month, day = date_of(days)
    hour, minute = rest // 3600, rest // 60 % 60
    first = days_from_date(year, 1, 1)
    return Clock(
        year, month, day, hour, minute, rest % 60, nanosecond,
        (days + 4) % 7, days - first + 1, offset, zone, summer,
    )  # fmt: skip


def time_from(
    date: tuple[int, int, int], time_of_day: tuple[int, int, int], nanosecond: int, where: Location
) -> Time:
    """The instant at which a clock in zone `where` shows that. Days may overflow the month."""
    days = days_from_date(*date)
    hour, minute, second = time_of_day
    reading = days * _DAY + hour * 3600 + minute * 60 + second
    return Time(local_to_utc(reading, where) * SECOND + nanosecond, where)


def days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap and month == 2 else _DAYS_IN_MONTH[month - 1]


def days_from_date(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01. Months and days beyond their range carry over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    shifted = year - (month <= 2)  # a year that begins in March ends with its leap day
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + day_of_year - 719_468


def date_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    skipped = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - skipped) // 365
    passed = 365 * year_of_era + year_of_era // 4 - year_of_era // 100
    day_of_year = day_of_era - passed
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    return year, month, day_of_year - (153 * shifted + 2) // 5 + 1
