"""How a value looks inside a text: as Go's %v prints it."""

import math
import re
from collections.abc import Callable

from shared.expressions.budget import Meter
from shared.expressions.dates.calendar import MONTHS, WEEKDAYS, duration_text
from shared.expressions.dates.moments import time_text
from shared.expressions.errors import ExpressionError
from shared.expressions.unicode_text import printable
from shared.expressions.values import (
    AnyMap,
    Byte,
    Duration,
    Location,
    Month,
    Time,
    Weekday,
)

_TIME_STEPS = 300  # a calendar is slower than a number
_KEY_ORDER = ("nil", "string", "int", "float", "bool")
_EXPONENT = re.compile(r"^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$")


def to_text(value: object) -> str:
    """Any value of the language, or JSON data, as text. ExpressionError if it is too large."""
    return printable(text_of(value, Meter()))


def text_of(value: object, meter: Meter, depth: int = 0) -> str:
    """The same, for a value of the language, within a budget."""
    if type(value) is str:
        return value
    leaf = _LEAVES.get(type(value))
    meter.descend(depth)
    if leaf is not None:
        meter.spend(_TIME_STEPS if type(value) is Time else 0)
        return leaf(value)
    if isinstance(value, AnyMap):
        pairs = sorted(value.items(), key=lambda pair: _key_place(pair[0]))
        return _map_text([(key[1], item) for key, item in pairs], meter, depth)
    if isinstance(value, dict):
        return _map_text(sorted(value.items()), meter, depth)
    if isinstance(value, str):  # a subclass, from a caller
        return str(value)
    if isinstance(value, list | tuple):
        return _bounded("[", [text_of(item, meter, depth + 1) for item in value], "]", meter)
    raise ExpressionError(f"a value of type {type(value).__name__} can't be printed")


def _map_text(pairs: list[tuple[object, object]], meter: Meter, depth: int) -> str:
    parts = [
        f"{text_of(key, meter, depth + 1)}:{text_of(item, meter, depth + 1)}" for key, item in pairs
    ]
    return _bounded("map[", parts, "]", meter)


def _bounded(opening: str, parts: list[str], closing: str, meter: Meter) -> str:
    meter.text(sum(map(len, parts)) + len(parts))
    return f"{opening}{' '.join(parts)}{closing}"


def _key_place(key: tuple[str, object]) -> tuple[int, float, str]:
    """nil first, then texts, then numbers, as the reference happens to order them."""
    name, value = key
    place = _KEY_ORDER.index(name) if name in _KEY_ORDER else len(_KEY_ORDER)
    if isinstance(value, int | float):
        return place, value, ""
    return place, 0, str(value)


def float_text(value: float) -> str:
    """The shortest digits that give the number back, with an exponent below 1e-4 and from 1e6."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = decimal_digits(value)
    if exponent < -4 or exponent >= 6:
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return sign + plain_digits(digits, exponent)


def decimal_digits(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and the exponent of the first: -12.5 is ("-", "125", 1)."""
    mantissa, _, power = repr(value).lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    lead = len(whole + fraction) - len(digits)
    exponent = int(power or 0) + len(whole) - 1 - lead
    digits = digits.rstrip("0")
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return (sign, digits, exponent) if digits else (sign, "0", 0)


def plain_digits(digits: str, exponent: int) -> str:
    """The digits written out without an exponent."""
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


_LEAVES: dict[type, Callable[..., str]] = {
    type(None): lambda _: "<nil>",
    bool: lambda value: "true" if value else "false",
    int: str,
    Byte: lambda value: str(int(value)),
    float: float_text,
    Time: time_text,
    Duration: duration_text,
    Month: lambda value: MONTHS[value - 1],
    Weekday: lambda value: WEEKDAYS[value],
    Location: lambda value: value.name,
}
