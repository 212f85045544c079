"""The parts of a written date, read one after the other by the pieces of a layout."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.expressions.dates.layouts import is_fraction, pieces
from shared.expressions.dates.spans import MONTHS, WEEKDAYS


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
            text = _fraction(fields, text, piece)
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


def _fraction(fields: Fields, text: str, piece: str) -> str:
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


def _zone(fields: Fields, found: str) -> None:
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
    "Jan": _month_name, "Monday": _weekday, "Mon": _weekday, "MST": _zone,
    **dict.fromkeys(("01", "1"), _whole("month", 1, 12)),
    **dict.fromkeys(("02", "_2", "2"), _whole("day", 0, 99)),
    **dict.fromkeys(("002", "__2"), _whole("day_of_year", 0, 999)),
    "15": _whole("hour", 0, 23), **dict.fromkeys(("03", "3"), _whole("hour", 0, 12)),
    **dict.fromkeys(("04", "4"), _whole("minute", 0, 59)),
    **dict.fromkeys(("05", "5"), _whole("second", 0, 59)),
    "PM": _half, "pm": _half,
    **{sign + form: _offset for sign in "-Z" for form in _OFFSETS},
}  # fmt: skip
