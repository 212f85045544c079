"""Amounts as text: durations as Go spells them (`90s`, `1h30m`, `500ms`); memory (`500m`, `1.5g`)
and processors (`0.5`) as container engines do; rates (`10/s`)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Duration:
    """`text` is how the client spelled it, which answers repeat."""

    seconds: float
    text: str


@dataclass(frozen=True)
class Amount:
    """A number of processors or of bytes; `text` as in `Duration`."""

    value: int | float
    text: str


@dataclass(frozen=True)
class Rate:
    """At most `count` within any `seconds`; `text` as in `Duration`."""

    count: int
    seconds: int
    text: str


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


RATE_PATTERN = r"^[1-9][0-9]{0,4}/[smh]$"
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_rate(text: str) -> Rate:
    """Raises ValueError with the rule it breaks."""
    if not re.fullmatch(RATE_PATTERN, text, re.ASCII):
        raise ValueError(
            "must be a number from 1 to 99999 per second, minute or hour, such as 10/s, 100/m or "
            "5/h"
        )
    count, unit = text.split("/")
    return Rate(int(count), _UNIT_SECONDS[unit], text)


def rate_text(count: int, seconds: int) -> str:
    """As it is spelled."""
    return next(f"{count}/{unit}" for unit, own in _UNIT_SECONDS.items() if own == seconds)


def span_of(duration: Duration | None) -> timedelta | None:
    return None if duration is None else timedelta(seconds=duration.seconds)


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


MEMORY_PATTERN = r"^(?:[0-9]{1,15}(?:\.[0-9]{1,6})?\s?(?:[kKmMgGtTpP][iI]?)?[bB]?)?$"
CPUS_PATTERN = r"^(?:[0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})?$"
"""How the two look, for the API's description; empty means not set."""

_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s?(?:([kmgtp])i?)?b?", re.IGNORECASE)
_CPUS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_MOST_BYTES = 2**63 - 1


def parse_memory(text: str) -> int:
    """The number of bytes in `text`; units are powers of 1024. Raises ValueError."""
    match = _MEMORY.fullmatch(text)
    if not match:
        raise ValueError("must be an amount of memory such as 500m, 1.5g or 1073741824")
    number, unit = match.groups(default="")
    amount = int(Decimal(number) * 1024 ** _POWERS[unit.lower()])
    if not 0 < amount <= _MOST_BYTES:
        raise ValueError("must be more than zero and less than 8192p")
    return amount


def memory_text(size: int) -> str:
    """`512 MiB`, `512 MB`: the largest unit in which it is a whole number."""
    for power, unit in ((1024**3, "GiB"), (10**9, "GB"), (1024**2, "MiB"), (10**6, "MB")):
        if size and size % power == 0:
            return f"{size // power} {unit}"
    return f"{size} bytes"


def parse_cpus(text: str) -> float:
    """The number of processors in `text`, such as 0.5. Raises ValueError."""
    if not _CPUS.fullmatch(text):
        raise ValueError("must be a number of processors such as 0.5 or 2")
    cpus = float(text)
    if cpus <= 0:
        raise ValueError("must be more than zero")
    return cpus
