"""Layouts: an example of how a date is written, by the reference time 2006-01-02 15:04:05 MST.

A date is written and read piece by piece of its layout.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.expressions.dates.calendar import MONTHS, WEEKDAYS, Clock, offset_text

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


class Unfit(Exception):
    """The text isn't written in that layout. Never leaves this package."""


@dataclass(slots=True)
class Fields:
    """What has been read so far. None: the layout doesn't ask for it."""

    year: int = 0
    month: int | None = None
    day: int | None = None
    day_of_year: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    half: str = ""  # AM or PM
    offset: int | None = None  # seconds east of UTC
    zone: str = ""  # an abbreviation
    is_utc: bool = False


def fields_of(text: str, layout: str) -> Fields:
    """What `text` states. Unfit when it isn't written so, or a number is out of its range."""
    fields, split = Fields(), pieces(layout)
    for place, (plain, piece) in enumerate(split):
        text = _skipped(text, plain)
        if not piece:
            break
        if is_fraction(piece):
            text = _read_fraction(fields, text, piece)
            continue
        match = _PATTERNS[piece].match(text)
        if match is None:
            raise Unfit
        text = text[match.end() :]
        _READERS[piece](fields, match.group())
        if piece in ("05", "5") and not is_fraction(split[place + 1][1]):
            text = _unasked_fraction(fields, text)
    if text:
        raise Unfit
    return fields


def _skipped(text: str, plain: str) -> str:
    """`text` behind the plain part of a layout, in which a space stands for any number of them."""
    while plain:
        if plain[0] == " ":
            if text and text[0] != " ":
                raise Unfit
            plain, text = plain.lstrip(" "), text.lstrip(" ")
        elif text[:1] == plain[0]:
            plain, text = plain[1:], text[1:]
        else:
            raise Unfit
    return text


def _read_fraction(fields: Fields, text: str, piece: str) -> str:
    exact = piece[1] == "0"
    pattern = rf"[.,](\d{{{len(piece) - 1}}})" if exact else r"[.,](\d+)"
    match = re.match(pattern, text, re.ASCII)
    if match is None:
        if exact:
            raise Unfit
        return text  # a fraction of nines may be left out
    fields.nanosecond = _nanoseconds(match[1])
    return text[match.end() :]


def _unasked_fraction(fields: Fields, text: str) -> str:
    """Seconds may have a fraction even where the layout shows none."""
    match = re.match(r"[.,](\d+)", text, re.ASCII)
    if match is None:
        return text
    fields.nanosecond = _nanoseconds(match[1])
    return text[match.end() :]


def _nanoseconds(digits: str) -> int:
    return int(digits[:9].ljust(9, "0"))


def _whole(name: str, least: int, most: int) -> Callable[[Fields, str], None]:
    def read(fields: Fields, found: str) -> None:
        value = int(found)
        if not least <= value <= most:
            raise Unfit
        setattr(fields, name, value)

    return read


def _short_year(fields: Fields, found: str) -> None:
    fields.year = int(found) + (1900 if int(found) >= 69 else 2000)


def _month_name(fields: Fields, found: str) -> None:
    fields.month = _SHORT_MONTHS.index(found[:3].lower()) + 1


def _half(fields: Fields, found: str) -> None:
    fields.half = found.upper()


def _weekday(fields: Fields, found: str) -> None:
    """Must be one, and isn't compared with the date."""


def _read_zone(fields: Fields, found: str) -> None:
    fields.is_utc = fields.is_utc or found == "UTC"
    fields.zone = "" if found == "UTC" else found


def _offset(fields: Fields, found: str) -> None:
    if found == "Z":
        fields.is_utc = True
        return
    digits = found[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 24 or minutes > 60 or seconds > 60:
        raise Unfit
    total = hours * 3600 + minutes * 60 + seconds
    fields.offset = -total if found[0] == "-" else total


_SHORT_MONTHS = [name[:3].lower() for name in MONTHS]
_HOUR = r"(?:2[0-3]|1\d|0?\d)(?!\d)"
_ABBREVIATION = (
    rf"UTC|ChST|MeST|GMT(?:[+-]0*{_HOUR})?|[+-]0*{_HOUR}"
    r"|[A-Z]{4}T(?![A-Z])|(?:[A-Z]{3}T|WITA)(?![A-Z])|[A-Z]{3}(?![A-Z])"
)
_TWO, _ONE_OR_TWO = r"\d{2}", r"\d{1,2}"
_OFFSETS = {
    "070000": r"[+-]\d{6}", "07:00:00": r"[+-]\d{2}:\d{2}:\d{2}", "0700": r"[+-]\d{4}",
    "07:00": r"[+-]\d{2}:\d{2}", "07": r"[+-]\d{2}",
}  # fmt: skip
_PATTERNS = {
    piece: re.compile(pattern, re.ASCII | re.IGNORECASE if piece[:1] in "JM" else re.ASCII)
    for piece, pattern in {
        "January": "|".join(MONTHS), "Jan": "|".join(_SHORT_MONTHS),
        "Monday": "|".join(WEEKDAYS), "Mon": "|".join(name[:3] for name in WEEKDAYS),
        "2006": r"\d{4}", "06": _TWO, "01": _TWO, "1": _ONE_OR_TWO, "02": _TWO,
        "_2": r" ?\d{1,2}", "2": _ONE_OR_TWO, "002": r"\d{3}", "__2": r" {0,2}\d{1,3}",
        "15": _ONE_OR_TWO, "03": _TWO, "3": _ONE_OR_TWO, "04": _TWO, "4": _ONE_OR_TWO,
        "05": _TWO, "5": _ONE_OR_TWO, "PM": "AM|PM", "pm": "am|pm",
        **{f"-{form}": pattern for form, pattern in _OFFSETS.items()},
        **{f"Z{form}": f"Z|{pattern}" for form, pattern in _OFFSETS.items()},
    }.items()
} | {"MST": re.compile(_ABBREVIATION, re.ASCII)}  # fmt: skip
_READERS: dict[str, Callable[[Fields, str], None]] = {
    "2006": _whole("year", 0, 9999), "06": _short_year, "January": _month_name,
    "Jan": _month_name, "Monday": _weekday, "Mon": _weekday, "MST": _read_zone,
    **dict.fromkeys(("01", "1"), _whole("month", 1, 12)),
    **dict.fromkeys(("02", "_2", "2"), _whole("day", 0, 99)),
    **dict.fromkeys(("002", "__2"), _whole("day_of_year", 0, 999)),
    "15": _whole("hour", 0, 23), **dict.fromkeys(("03", "3"), _whole("hour", 0, 12)),
    **dict.fromkeys(("04", "4"), _whole("minute", 0, 59)),
    **dict.fromkeys(("05", "5"), _whole("second", 0, 59)),
    "PM": _half, "pm": _half,
    **{sign + form: _offset for sign in "-Z" for form in _OFFSETS},
}  # fmt: skip
