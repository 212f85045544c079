"""Days to dates and back (our calendar, extended to year 0 and beyond), time zones by name, and how
a span of time (`1h30m0s`) is written and read.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.values import Duration, Location, Time

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SECOND = 1_000_000_000
_UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000,
    "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND,
}  # fmt: skip
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LARGEST = (1 << 63) - 1
_LONGEST = 1_000  # characters


def parsed_duration(text: str) -> Duration:
    """`1h30m`, `-1.5s`, `0`. ExpressionError for anything else."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"bad duration {shortened(text)!r}")
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return Duration(0)
    total, position = 0, 0
    while position < len(body) or not body:
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]) or len(part[0]) > 60:
            raise ExpressionError(f"bad duration {shortened(text)!r}")
        total += _part_nanoseconds(part[1], part[2] or "", _UNITS[part[3]])
        position = part.end()
    if total > _LARGEST + (text[0] == "-"):
        raise ExpressionError(f"duration {shortened(text)!r} is too long")
    return Duration(-total if text[0] == "-" else total)


def _part_nanoseconds(whole: str, fraction: str, unit: int) -> int:
    part = int(fraction or 0) * unit // int("1" + "0" * len(fraction))
    return int(whole or 0) * unit + part


def duration_text(span: int) -> str:
    """As Go writes it: `1h30m0s`, `1.5s`, `100ns`."""
    sign, rest = ("-" if span < 0 else ""), abs(int(span))
    if rest == 0:
        return "0s"
    if rest < SECOND:
        unit, size = ("ns", 1) if rest < 1_000 else ("µs", 1_000)
        unit, size = ("ms", 1_000_000) if rest >= 1_000_000 else (unit, size)
        return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _decimal(amount: int, size: int) -> str:
    whole, part = divmod(amount, size)
    digits = str(part).zfill(len(str(size)) - 1).rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


def truncated_span(span: int, step: int) -> Duration:
    return Duration(span if step <= 0 else _rest(span, step, span))


def _rest(span: int, step: int, whole: int) -> int:
    cut = abs(span) // step * step
    return cut if whole >= 0 else -cut


def rounded_span(span: int, step: int) -> Duration:
    """To the nearest multiple of `step`, halves away from zero."""
    if step <= 0:
        return Duration(span)
    away = (abs(span) + step // 2 + step % 2) // step * step
    below = abs(span) // step * step
    nearest = away if (abs(span) - below) * 2 >= step else below
    nearest = min(nearest, _LARGEST + (span < 0))
    return Duration(nearest if span >= 0 else -nearest)


UTC_ZONE = Location("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -62_000_000_000, 253_000_000_000  # seconds that a datetime can hold
_CALENDAR = 146_097 * 86_400  # 400 years, after which dates and weekdays repeat


@lru_cache(maxsize=256)
def zone_named(name: str) -> Location:
    """The zone of that name. ExpressionError when there is none."""
    if name in ("", "UTC"):
        return UTC_ZONE
    if name == "Local":
        return Location("Local")  # a service has no place: its own time is UTC
    try:
        return Location(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, a path, a directory
        raise ExpressionError(f"unknown time zone {shortened(name)}") from None


def fixed_zone(offset: int, name: str = "") -> Location:
    """A zone that is always `offset` seconds east of UTC."""
    return Location(name, None, offset) if offset or name else UTC_ZONE


def offset_at(location: Location, second: int) -> tuple[int, str, bool]:
    """Seconds east of UTC, the zone's abbreviation and whether it is summer time."""
    if location.zone is None:
        name = "UTC" if location.name == "Local" else location.name
        return location.offset, name or offset_text(location.offset), False
    within = _within(second)
    local = (_EPOCH + timedelta(seconds=within)).astimezone(location.zone)
    offset = local.utcoffset() or timedelta(0)
    name = local.tzname() or ""
    return int(offset.total_seconds()), name, bool(local.dst())


def _within(second: int) -> int:
    """An instant that a datetime can hold, at which clocks are set as at that one."""
    if second > _LATEST:  # the calendar, and so the rules of the far future, repeat
        return _LATEST - _CALENDAR + (second - _LATEST) % _CALENDAR
    return max(second, _EARLIEST)


def offset_of_name(location: Location, name: str, reading: int) -> int | None:
    """How far from UTC the clocks of a zone are while they are called `name` (CET, CEST), for a
    wall clock reading. None if the zone doesn't use it around that time."""
    for days in (0, -183, 183):
        offset, found, _ = offset_at(location, reading + days * 86_400)
        if found == name:
            return offset
    return None


def local_to_utc(second: int, location: Location) -> int:
    """Seconds since the epoch of a wall clock reading, as Go resolves gaps and overlaps."""
    guess = second - offset_at(location, second)[0]
    return second - offset_at(location, guess)[0]


def offset_text(seconds: int, separator: str = "", parts: int = 2) -> str:
    """+02, +0200 or +020000, with a separator +02:00."""
    minutes, rest = divmod(abs(seconds), 60)
    written = (f"{minutes // 60:02d}", f"{minutes % 60:02d}", f"{rest:02d}")
    return ("-" if seconds < 0 else "+") + separator.join(written[:parts])


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
