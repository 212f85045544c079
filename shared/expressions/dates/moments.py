"""What a time, a span, a month or a zone can be asked: the methods, and how a time is printed."""

from collections.abc import Callable
from typing import Any

from shared.expressions.dates.calendar import (
    MONTHS,
    SECOND,
    UTC_ZONE,
    WEEKDAYS,
    clock,
    days_from_date,
    duration_text,
    rounded_span,
    time_from,
    truncated_span,
    zone_named,
)
from shared.expressions.dates.layouts import written
from shared.expressions.errors import ExpressionError
from shared.expressions.values import Duration, Location, Month, Time, Weekday, type_name, wrap

_SHOWN = "2006-01-02 15:04:05.999999999 -0700 MST"
_RFC_3339 = "2006-01-02T15:04:05.999999999Z07:00"
_ZERO = days_from_date(1, 1, 1) * 86_400 * SECOND
_MAX_LAYOUT = 1_000
_DAY = 86_400  # seconds


def moment(microseconds: int) -> Time:
    """The time that long after 1970, in UTC: a caller's time, as the language has it."""
    return Time(microseconds * 1_000, UTC_ZONE)


def time_text(time: Time) -> str:
    return written(clock(time), _SHOWN)


def time_json(time: Time) -> str:
    """RFC 3339, as JSON carries it. ExpressionError beyond year 9999, as there."""
    at = clock(time)
    if not 0 <= at.year <= 9999:
        raise ExpressionError("a year beyond 9999 can't be written as JSON")
    if abs(at.offset) >= _DAY:
        raise ExpressionError("a zone a day or more from UTC can't be written as JSON")
    return written(at, _RFC_3339)


def _formatted(time: Time, layout: str) -> str:
    if len(layout) > _MAX_LAYOUT:
        raise ExpressionError(f"a layout has at most {_MAX_LAYOUT} characters")
    return written(clock(time), layout)


def _added_date(time: Time, years: int, months: int, days: int) -> Time:
    at = clock(time)
    limit = 1 << 31
    if max(abs(years), abs(months), abs(days)) > limit:
        raise ExpressionError("a date so far away can't be computed")
    date = (at.year + years, at.month + months, 1)
    moved = time_from(date, (at.hour, at.minute, at.second), at.nanosecond, time.location)
    return _in_days(moved, at.day - 1 + days)


def _in_days(time: Time, days: int) -> Time:
    at = clock(time)
    date = (at.year, at.month, at.day + days)
    return time_from(date, (at.hour, at.minute, at.second), at.nanosecond, time.location)


def _truncated(time: Time, step: int) -> Time:
    if step <= 0:
        return time
    return Time(time.nanoseconds - (time.nanoseconds - _ZERO) % step, time.location)


def _rounded(time: Time, step: int) -> Time:
    rest = (time.nanoseconds - _ZERO) % step if step > 0 else 0
    up = step - rest if rest * 2 >= step and rest else -rest
    return Time(time.nanoseconds + up, time.location)


def _iso_year(time: Time) -> int:
    at = clock(time)
    thursday = at.day_of_year + 3 - (at.day_of_week - 1) % 7
    length = days_from_date(at.year + 1, 1, 1) - days_from_date(at.year, 1, 1)
    return at.year - 1 if thursday < 1 else at.year + (thursday > length)


def _since_epoch(unit: int) -> Callable[[Time], int]:
    return lambda time: wrap(time.nanoseconds // unit)


def _compared(time: Time, other: Time) -> int:
    return (time.nanoseconds > other.nanoseconds) - (time.nanoseconds < other.nanoseconds)


def _span(nanoseconds: int) -> Duration:
    return Duration(max(-(1 << 63), min(nanoseconds, (1 << 63) - 1)))


def _divided(unit: int) -> Callable[[Duration], int]:
    return lambda span: abs(span) // unit * (-1 if span < 0 else 1)


def _in_units(unit: int) -> Callable[[Duration], float]:
    """Whole units and the rest are divided apart, which shows in the last digit."""

    def units(span: Duration) -> float:
        whole = _divided(unit)(span)
        return whole + (span - whole * unit) / unit

    return units


_METHODS: dict[str, dict[str, Callable[..., object]]] = {
    "time.Time": {
        "Year": lambda time: clock(time).year, "Month": lambda time: Month(clock(time).month),
        "Day": lambda time: clock(time).day, "Hour": lambda time: clock(time).hour,
        "Minute": lambda time: clock(time).minute, "Second": lambda time: clock(time).second,
        "Nanosecond": lambda time: clock(time).nanosecond,
        "YearDay": lambda time: clock(time).day_of_year,
        "Weekday": lambda time: Weekday(clock(time).day_of_week),
        "ISOWeek": _iso_year, "Unix": _since_epoch(SECOND), "UnixMilli": _since_epoch(1_000_000),
        "UnixMicro": _since_epoch(1_000), "UnixNano": _since_epoch(1),
        "Before": lambda time, other: time.nanoseconds < other.nanoseconds,
        "After": lambda time, other: time.nanoseconds > other.nanoseconds,
        "Equal": lambda time, other: time.nanoseconds == other.nanoseconds,
        "Compare": _compared, "IsZero": lambda time: time.nanoseconds == _ZERO,
        "IsDST": lambda time: clock(time).summer, "Zone": lambda time: clock(time).zone,
        "UTC": lambda time: Time(time.nanoseconds, UTC_ZONE),
        "Local": lambda time: Time(time.nanoseconds, zone_named("Local")),
        "In": lambda time, zone: Time(time.nanoseconds, zone),
        "Location": lambda time: time.location, "String": time_text, "Format": _formatted,
        "Add": lambda time, span: Time(time.nanoseconds + span, time.location),
        "Sub": lambda time, other: _span(time.nanoseconds - other.nanoseconds),
        "AddDate": _added_date, "Truncate": _truncated, "Round": _rounded,
    },
    "time.Duration": {
        "Hours": _in_units(3600 * SECOND), "Minutes": _in_units(60 * SECOND),
        "Seconds": _in_units(SECOND), "Milliseconds": _divided(1_000_000),
        "Microseconds": _divided(1_000), "Nanoseconds": int, "String": duration_text,
        "Abs": lambda span: Duration(wrap(abs(span))), "Round": rounded_span,
        "Truncate": truncated_span,
    },
    "time.Month": {"String": lambda month: MONTHS[month - 1]},
    "time.Weekday": {"String": lambda day: WEEKDAYS[day]},
    "time.Location": {"String": lambda zone: zone.name},
}  # fmt: skip
_ARGUMENTS: dict[str, tuple[type, ...]] = {
    "Before": (Time,), "After": (Time,), "Equal": (Time,), "Compare": (Time,), "Sub": (Time,),
    "Add": (Duration,), "Round": (Duration,), "Truncate": (Duration,), "In": (Location,),
    "Format": (str,), "AddDate": (int, int, int),
}  # fmt: skip


def method(base: object, name: str) -> Callable[..., object] | None:
    """The method `name` of a time, span, month, weekday or zone; None if there is none."""
    return _METHODS.get(type_name(base), {}).get(name)


def called(
    base: object, name: str, function: Callable[..., object], arguments: list[Any]
) -> object:
    """`base.name(arguments)`. ExpressionError for arguments of the wrong number or type."""
    wanted = _ARGUMENTS.get(name, ())
    if len(arguments) != len(wanted):
        raise ExpressionError(f"wrong number of arguments for {name}: {len(arguments)}")
    for argument, kind in zip(arguments, wanted, strict=True):
        if type(argument) is not kind:
            raise ExpressionError(f"{name} doesn't take {type_name(argument)} there")
    return function(base, *arguments)
