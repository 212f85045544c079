"""Layouts: an example of how a date is written, by the reference time 2006-01-02 15:04:05 MST."""

import re
from collections.abc import Callable

from shared.expressions.dates.calendar import Clock
from shared.expressions.dates.spans import MONTHS, WEEKDAYS
from shared.expressions.dates.zones import offset_text

PIECE = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|002|06|01|02|03|04|05"
    r"|15|PM|pm|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)


def _zone(form: str) -> Callable[[Clock], str]:
    """Writes an offset in the form of `-07:00`; one that starts with Z calls UTC that."""
    separator, parts = (":" if ":" in form else ""), len(form.replace(":", "")) // 2

    def written(at: Clock) -> str:
        return "Z" if form[0] == "Z" and not at.offset else offset_text(at.offset, separator, parts)

    return written


def _year(at: Clock) -> str:
    return f"{'-' if at.year < 0 else ''}{abs(at.year):04d}"


_WRITERS: dict[str, Callable[[Clock], str]] = {
    "January": lambda at: MONTHS[at.month - 1],
    "Jan": lambda at: MONTHS[at.month - 1][:3],
    "Monday": lambda at: WEEKDAYS[at.day_of_week],
    "Mon": lambda at: WEEKDAYS[at.day_of_week][:3],
    "MST": lambda at: at.zone,
    "2006": _year,
    "06": lambda at: f"{max(at.year, 0) % 100:02d}",
    "01": lambda at: f"{at.month:02d}",
    "1": lambda at: str(at.month),
    "02": lambda at: f"{at.day:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "2": lambda at: str(at.day),
    "002": lambda at: f"{at.day_of_year:03d}",
    "__2": lambda at: f"{at.day_of_year:3d}",
    "15": lambda at: f"{at.hour:02d}",
    "03": lambda at: f"{at.hour % 12 or 12:02d}",
    "3": lambda at: str(at.hour % 12 or 12),
    "04": lambda at: f"{at.minute:02d}",
    "4": lambda at: str(at.minute),
    "05": lambda at: f"{at.second:02d}",
    "5": lambda at: str(at.second),
    "PM": lambda at: "PM" if at.hour >= 12 else "AM",
    "pm": lambda at: "pm" if at.hour >= 12 else "am",
    **{
        sign + form: _zone(sign + form)
        for sign in "-Z"
        for form in ("070000", "07:00:00", "0700", "07:00", "07")
    },
}


def pieces(layout: str) -> list[tuple[str, str]]:
    """(plain text before, piece) pairs; the last piece may be empty."""
    found: list[tuple[str, str]] = []
    start = 0
    for match in PIECE.finditer(layout):
        found.append((layout[start : match.start()], match.group()))
        start = match.end()
    found.append((layout[start:], ""))
    return found


def is_fraction(piece: str) -> bool:
    return piece[:1] in (".", ",")


def written(at: Clock, layout: str) -> str:
    """The clock's reading in that layout. A layout is as long as its result, roughly."""
    parts: list[str] = []
    for plain, piece in pieces(layout):
        parts.append(plain)
        if piece:
            parts.append(_fraction(at, piece) if is_fraction(piece) else _write(at, piece))
    return "".join(parts)


def _write(at: Clock, piece: str) -> str:
    writer = _WRITERS.get(piece)
    return piece if writer is None else writer(at)


def _fraction(at: Clock, piece: str) -> str:
    digits = f"{at.nanosecond:09d}"[: len(piece) - 1].ljust(len(piece) - 1, "0")
    if piece[1] == "9":
        digits = digits.rstrip("0")
        return piece[0] + digits if digits else ""
    return piece[0] + digits
