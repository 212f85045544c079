"""Amounts as Bacalhau spells them: processors as Kubernetes does, bytes as people do, in powers of
1000 unless the unit has an i."""

import re
from decimal import Decimal

from shared.definition import Amount, Duration
from shared.definition.quantities import format_duration, parse_duration, span_of

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_CPU = re.compile(rf"{_NUMBER}(m?)")
_BYTES = re.compile(rf"{_NUMBER}(?:([kmgtp])(i?))?b?")
_MOST_BYTES = 2**63 - 1
_MOST_SECONDS = 2**63 // 10**9
_MOST_GPUS = 1024
_SECONDS = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")


def plain(text: str) -> str:
    return text.lower().replace(" ", "")


def cpus(text: str) -> Amount | None:
    """None for zero. Raises ValueError, as all of these do."""
    found = _CPU.fullmatch(plain(text))
    if found is None:
        raise ValueError(f"invalid CPU value: {text}")
    value = Decimal(found[1]) / (1000 if found[2] else 1)
    return Amount(float(value), f"{value.normalize():f}") if value else None


def memory(text: str) -> Amount | None:
    return _bytes(text, "memory")


def disk(text: str) -> Amount | None:
    return _bytes(text, "disk")


def gpus(text: str) -> int:
    found = plain(text)
    if not found.isascii() or not found.isdecimal() or len(found) > len(str(_MOST_GPUS)):
        raise ValueError(f"invalid GPU value: {text}")
    return int(found)


def _bytes(text: str, what: str) -> Amount | None:
    found = _BYTES.fullmatch(plain(text).replace(",", ""))
    if found is None:
        raise ValueError(f"invalid {what} value: {text}")
    unit, binary = found[2] or "", found[3]
    amount = int(Decimal(found[1]) * (1024 if binary else 1000) ** " kmgtp".index(unit or " "))
    if amount > _MOST_BYTES:
        raise ValueError(f"invalid {what} value: {text}")
    return Amount(amount, str(amount)) if amount else None


def seconds(number: int) -> Duration:
    return duration(str(number))


def are_seconds(number: int) -> bool:
    return 0 <= number <= _MOST_SECONDS


def duration(text: str) -> Duration:
    """`10s`, or a number of seconds. Raises ValueError."""
    length = parse_duration(f"{text}s" if _SECONDS.fullmatch(text) else text)
    if length.total_seconds() < 0:
        raise ValueError("must not be negative")
    return Duration(length.total_seconds(), format_duration(length))


def told(number: int) -> str:
    """So many seconds, as errors spell them."""
    if abs(number) > _MOST_SECONDS:  # what a span of time can't have
        return f"{number}s"
    whole = span_of(Duration(number, ""))
    return "0s" if whole is None else format_duration(whole)
