"""Spans of time: how one is written (`1h30m0s`), read and asked."""

import re

from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.values import Duration

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
