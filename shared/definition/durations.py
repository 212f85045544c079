"""Durations as Go spells them: `90s`, `1h30m`, `1.5h`, `500ms`."""

import re
from datetime import timedelta
from decimal import Decimal

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5
    "μs": 10**3,  # U+03BC
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_NUMBER = r"(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[+-]?(?:0|(?:{_NUMBER}(?:ns|us|µs|μs|ms|s|m|h)){{1,20}})")
_LONGEST = 2**63 - 1  # Go counts nanoseconds in an int64: 292 years

DURATION_PATTERN = rf"^(?:\+?(?:0|(?:{_NUMBER}(?:ns|us|µs|μs|ms|s|m|h)){{1,20}}))?$"
"""What a non-negative duration looks like, for the API's description; empty means not set."""


def parse_duration(text: str) -> timedelta:
    """The duration in `text`, to the microsecond. Raises ValueError with the rule it breaks."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("must be a duration such as 90s, 10m or 1h30m")
    parts = _PART.findall(text)
    nanoseconds = int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts))
    if nanoseconds > _LONGEST:
        raise ValueError("must be at most 2562047h (292 years)")
    length = timedelta(microseconds=nanoseconds // 1000)
    return -length if text.startswith("-") else length


def format_duration(length: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back: `1h30m`, `1.5s`, `250ms`, `0s`."""
    microseconds = length // timedelta(microseconds=1)
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    if 0 < microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if rest or not minutes + hours:
        parts.append(f"{_decimal(rest, 1_000_000)}s")
    return sign + "".join(parts)


def _decimal(amount: int, unit: int) -> str:
    whole, fraction = divmod(amount, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{fraction:0{digits}d}".rstrip("0").rstrip(".")
