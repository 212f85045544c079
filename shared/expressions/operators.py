"""What the arithmetic operators do with two values of any type."""

import math
from collections.abc import Callable

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.powers import raised
from shared.expressions.unicode_text import joined_up
from shared.expressions.values import Byte, Duration, Time, TypedList, type_name, wrap

Operation = Callable[[object, object, Meter], object]
_ROOT_STEPS = 100  # a fractional power is slower than an addition


def unfit(operator: str, left: object, right: object) -> ExpressionError:
    return ExpressionError(f"{operator} doesn't work on {type_name(left)} and {type_name(right)}")


def integer(value: object) -> int | None:
    """The value if it is a plain integer (not a span of time or a month)."""
    if isinstance(value, int) and type(value) in (int, Byte):
        return int(value)
    return None


def number(value: object) -> int | float | None:
    return value if isinstance(value, float) else integer(value)


def add(left: object, right: object, meter: Meter) -> object:
    if type(left) is str and type(right) is str:
        meter.text(len(left) + len(right))
        return joined_up(left + right)
    meter.spend(2)
    if type(left) is Time and type(right) is Duration:
        return Time(left.nanoseconds + right, left.location)
    if type(left) is Duration and type(right) is Time:
        return Time(right.nanoseconds + left, right.location)
    if type(left) is Duration and type(right) is Duration:
        return Duration(wrap(int(left) + int(right)))
    one, other = number(left), number(right)
    if one is None or other is None:
        raise unfit("+", left, right)
    return _wrapped(one + other)


def subtract(left: object, right: object, meter: Meter) -> object:
    if type(left) is Time and type(right) is Time:
        return Duration(_clamped(left.nanoseconds - right.nanoseconds))
    if type(left) is Time and type(right) is Duration:
        return Time(left.nanoseconds - right, left.location)
    if type(left) is Duration and type(right) is Duration:
        return Duration(wrap(int(left) - int(right)))
    one, other = number(left), number(right)
    if one is None or other is None:
        raise unfit("-", left, right)
    return _wrapped(one - other)


def multiply(left: object, right: object, meter: Meter) -> object:
    spans = isinstance(left, Duration) + isinstance(right, Duration)
    one = int(left) if isinstance(left, Duration) else number(left)
    other = int(right) if isinstance(right, Duration) else number(right)
    if one is None or other is None:
        raise unfit("*", left, right)
    product = _wrapped(one * other)
    return Duration(product) if spans and isinstance(product, int) else product


def divide(left: object, right: object, meter: Meter) -> object:
    one, other = number(left), number(right)
    if one is None or other is None:
        raise unfit("/", left, right)
    above, below = float(one), float(other)
    if below:
        return above / below
    if above == 0 or math.isnan(above):
        return math.nan
    return math.copysign(math.inf, above) * math.copysign(1.0, below)


def remainder(left: object, right: object, meter: Meter) -> object:
    one, other = integer(left), integer(right)
    if one is None or other is None:
        raise unfit("%", left, right)
    if other == 0:
        raise ExpressionError("integer divide by zero")
    return int(math.copysign(1, one)) * (abs(one) % abs(other))


def power(left: object, right: object, meter: Meter) -> object:
    one, other = number(left), number(right)
    if one is None or other is None:
        raise unfit("**", left, right)
    if other % 1:
        meter.spend(_ROOT_STEPS)
    return raised(float(one), float(other))


def negate(value: object) -> object:
    if type(value) is Byte:
        return Byte(-value & 0xFF)
    found = number(value)
    if found is None:
        raise ExpressionError(f"- doesn't work on {type_name(value)}")
    return _wrapped(-found)


def number_range(left: object, right: object, meter: Meter) -> object:
    """`left..right`, both included."""
    start, stop = index(left), index(right)
    meter.elements(max(stop - start + 1, 0))
    return TypedList(range(start, stop + 1))


def index(value: object) -> int:
    """A whole number to count or index with; floats are cut off."""
    found = number(value)
    if found is None:
        raise ExpressionError(f"{type_name(value)} isn't a number")
    return truncated(found)


def truncated(value: float) -> int:
    """A float as a 64-bit integer; what doesn't fit is the smallest one, as on amd64."""
    if isinstance(value, int):
        return value
    if math.isfinite(value) and wrap(whole := int(value)) == whole:
        return whole
    return -(1 << 63)


def _wrapped(value: float) -> int | float:
    return wrap(value) if isinstance(value, int) else value


def _clamped(value: int) -> int:
    return max(-(1 << 63), min(value, (1 << 63) - 1))


ARITHMETIC: dict[str, Operation] = {
    "+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder,
    "**": power, "^": power, "..": number_range,
}  # fmt: skip
