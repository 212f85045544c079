"""A text to a time, by a layout, in the strict way Go reads one."""

from shared.expressions.dates.calendar import (
    SECOND,
    UTC_ZONE,
    clock,
    date_of,
    days_from_date,
    days_in,
    fixed_zone,
    offset_at,
    offset_of_name,
    time_from,
)
from shared.expressions.dates.layouts import Fields, Unfit, fields_of, pieces, written
from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.values import Location, Time

LAYOUTS = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
)
_LONGEST = 1_000  # characters of a layout or text


def read_time(text: str, layouts: tuple[str, ...], where: Location) -> Time:
    """The time that `text` states in the first of `layouts` that fits."""
    if len(text) <= _LONGEST and all(len(layout) <= _LONGEST for layout in layouts):
        for layout in layouts:
            try:
                return _time(fields_of(text, layout), where)
            except Unfit:  # the next one may fit
                continue
    raise ExpressionError(f"bad date {shortened(text)!r}")


def rewritten(text: str, layout: str) -> str | None:
    """The time that `text` states, written in the same layout; None where it states none so."""
    try:
        return written(clock(_time(fields_of(text, layout), UTC_ZONE)), layout)
    except Unfit:  # asked, not required
        return None


def is_layout(text: str) -> bool:
    """Whether it has a part that stands for a part of a time, and is read as it is written."""
    reference = written(clock(time_from((2006, 1, 2), (15, 4, 5), 0, UTC_ZONE)), text)
    has_parts = any(piece for _, piece in pieces(text))
    return has_parts and len(text) <= _LONGEST and rewritten(reference, text) is not None


def _time(fields: Fields, where: Location) -> Time:
    date = _date(fields)
    time_of_day = (_hour(fields), fields.minute, fields.second)
    if fields.is_utc:
        return time_from(date, time_of_day, fields.nanosecond, UTC_ZONE)
    if fields.offset is None and not fields.zone:
        return time_from(date, time_of_day, fields.nanosecond, where)
    reading = time_from(date, time_of_day, fields.nanosecond, UTC_ZONE).nanoseconds
    if fields.offset is not None:
        instant = reading - fields.offset * SECOND
        return Time(instant, _zone_with(fields, where, instant // SECOND))
    return _named(fields.zone, reading, where)


def _zone_with(fields: Fields, where: Location, second: int) -> Location:
    """`where`, if its clocks show that offset then; otherwise a zone that always does."""
    offset, name, _ = offset_at(where, second)
    if offset == fields.offset and fields.zone in ("", name):
        return where
    return fixed_zone(fields.offset or 0, fields.zone)


def _named(zone: str, reading: int, where: Location) -> Time:
    """A time with an abbreviation, which says something only in the zone that uses it."""
    offset = offset_of_name(where, zone, reading // SECOND)
    if offset is not None:
        return Time(reading - offset * SECOND, where)
    fixed = int(zone[3:]) * 3600 if zone.startswith("GMT") and zone != "GMT" else 0
    return Time(reading - fixed * SECOND, fixed_zone(fixed, zone))


def _hour(fields: Fields) -> int:
    if fields.half == "PM" and fields.hour < 12:
        return fields.hour + 12
    return 0 if fields.half == "AM" and fields.hour == 12 else fields.hour


def _date(fields: Fields) -> tuple[int, int, int]:
    month, day = fields.month, fields.day
    if fields.day_of_year is not None:
        month, day = _by_day_of_year(fields)
    month, day = (1 if month is None else month), (1 if day is None else day)
    if not 1 <= day <= days_in(fields.year, month):
        raise Unfit
    return fields.year, month, day


def _by_day_of_year(fields: Fields) -> tuple[int, int]:
    first = days_from_date(fields.year, 1, 1)
    year, month, day = date_of(first + (fields.day_of_year or 0) - 1)
    if year != fields.year or fields.month not in (None, month) or fields.day not in (None, day):
        raise Unfit
    return month, day
