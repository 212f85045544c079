"""A text to a time, by a layout, in the strict way Go reads one."""

import re

from shared.expressions.dates.calendar import days_in, time_from
from shared.expressions.dates.layouts import is_fraction, pieces
from shared.expressions.dates.spans import MONTHS, WEEKDAYS
from shared.expressions.dates.zones import UTC_ZONE, fixed_zone
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
_MAX_LENGTH = 200  # of a layout: it becomes a regular expression
_NAMES = {
    "January": "|".join(MONTHS),
    "Jan": "|".join(name[:3] for name in MONTHS),
    "Monday": "|".join(WEEKDAYS),
    "Mon": "|".join(name[:3] for name in WEEKDAYS),
    "MST": r"[A-Z]{3,4}|[+-]\d{2}(?:\d{2})?",
    "2006": r"\d{4}", "06": r"\d{2}", "01": r"\d{2}", "1": r"\d{1,2}",
    "02": r"\d{1,2}", "_2": r"\ ?\d{1,2}", "2": r"\d{1,2}", "002": r"\d{3}", "__2": r"[ \d]{2}\d",
    "15": r"\d{1,2}", "03": r"\d{2}", "3": r"\d{1,2}", "04": r"\d{2}", "4": r"\d{1,2}",
    "05": r"\d{2}(?:[.,]\d+)?", "5": r"\d{1,2}(?:[.,]\d+)?", "PM": "AM|PM", "pm": "am|pm",
    "-0700": r"[+-]\d{4}", "-07:00": r"[+-]\d{2}:\d{2}", "-07": r"[+-]\d{2}",
    "Z0700": r"Z|[+-]\d{4}", "Z07:00": r"Z|[+-]\d{2}:\d{2}", "Z07": r"Z|[+-]\d{2}",
}  # fmt: skip
_FIELDS = {
    "2006": "year", "06": "short_year", "01": "month", "1": "month",
    "January": "month_name", "Jan": "month_name", "02": "day", "_2": "day", "2": "day",
    "002": "day_of_year", "__2": "day_of_year", "15": "hour", "03": "hour12", "3": "hour12",
    "04": "minute", "4": "minute", "05": "second", "5": "second", "PM": "half", "pm": "half",
    "MST": "zone", "Monday": "weekday", "Mon": "weekday",
}  # fmt: skip
_Fields = dict[str, str]


def read_time(text: str, layouts: tuple[str, ...], where: Location) -> Time:
    """The time that `text` states in the first of `layouts` that fits."""
    for layout in layouts:
        fields = _matched(text, layout)
        time = None if fields is None else _time(fields, where)
        if time is not None:
            return time
    raise ExpressionError(f"bad date {shortened(text)!r}")


def _matched(text: str, layout: str) -> _Fields | None:
    if len(layout) > _MAX_LENGTH or len(text) > _MAX_LENGTH:
        return None
    split = pieces(layout)
    expression = "".join(_expression(plain, piece) for plain, piece in split)
    match = re.fullmatch(expression, text, re.ASCII)
    if match is None:
        return None
    named = [piece for _, piece in split if piece]
    return {
        _FIELDS.get(piece, "offset"): value.strip(" _")
        for piece, value in zip(named, match.groups(), strict=True)
        if not is_fraction(piece)
    }


def _expression(plain: str, piece: str) -> str:
    if not piece:
        return re.escape(plain)
    if is_fraction(piece):  # the seconds before it have taken the digits
        return f"{re.escape(plain)}()"
    return f"{re.escape(plain)}({_NAMES.get(piece, re.escape(piece))})"


def _time(fields: _Fields, where: Location) -> Time | None:
    date, day_time = _date(fields), _time_of_day(fields)
    if date is None or day_time is None:
        return None
    hour, minute, second, nanosecond = day_time
    return time_from(date, (hour, minute, second), nanosecond, _location(fields, where))


def _date(fields: _Fields) -> tuple[int, int, int] | None:
    year = int(fields.get("year", 0))
    if "short_year" in fields:
        short = int(fields["short_year"])
        year = short + (1900 if short >= 69 else 2000)
    if "day_of_year" in fields:
        return year, 1, int(fields["day_of_year"])
    month = int(fields.get("month", 1))
    if "month_name" in fields:
        month = [name[:3] for name in MONTHS].index(fields["month_name"][:3]) + 1
    day = int(fields.get("day", 1))
    valid = 1 <= month <= 12 and 1 <= day <= days_in(year, month)
    return (year, month, day) if valid else None


def _time_of_day(fields: _Fields) -> tuple[int, int, int, int] | None:
    hour = int(fields.get("hour", fields.get("hour12", 0)))
    if "half" in fields:
        hour = hour % 12 + (12 if fields["half"].lower() == "pm" else 0)
    minute = int(fields.get("minute", 0))
    whole, _, fraction = fields.get("second", "0").replace(",", ".").partition(".")
    if hour > 23 or minute > 59 or int(whole) > 59:
        return None
    return hour, minute, int(whole), int(fraction[:9].ljust(9, "0"))


def _location(fields: _Fields, where: Location) -> Location:
    offset = fields.get("offset")
    if offset is not None and offset != "Z":
        digits = offset.lstrip("+-").replace(":", "").ljust(4, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
        return fixed_zone(-seconds if offset[0] == "-" else seconds)
    zone = fields.get("zone", "UTC")
    if offset == "Z" or zone == "UTC":
        return UTC_ZONE if offset == "Z" or "zone" in fields else where
    return fixed_zone(0, zone)
