"""Equality, order and membership of two values of any type, and the tests on texts."""

from collections.abc import Callable
from typing import Any

from shared.expressions.access import map_has
from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.operators import Operation, number, unfit
from shared.expressions.patterns import matches
from shared.expressions.values import Duration, Time, is_nil, type_name


def equal(left: object, right: object, meter: Meter, depth: int = 0) -> bool:
    """`==`: 1 is 1.0, also within lists; inside maps an int and a float differ."""
    if type(left) is str and type(right) is str:
        meter.spend(len(left) // 64 + 1)
        return left == right
    meter.descend(depth)
    if is_nil(left) and is_nil(right):
        return True
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return float(one) == float(other) if type(one) is not type(other) else one == other
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            equal(a, b, meter, depth + 1) for a, b in zip(left, right, strict=True)
        )
    return identical(left, right, meter, depth)


def identical(left: object, right: object, meter: Meter, depth: int) -> bool:
    """Same type and same value all the way down, as within maps."""
    meter.descend(depth)
    if type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            identical(a, b, meter, depth + 1) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            identical(item, right[key], meter, depth + 1) for key, item in left.items()
        )
    if isinstance(left, Time) and isinstance(right, Time):
        return left.nanoseconds == right.nanoseconds
    return left == right


def _ordered(operator: str, compare: Callable[[Any, Any], bool]) -> Operation:
    def ordered(left: object, right: object, meter: Meter) -> bool:
        if type(left) is str and type(right) is str:
            return compare(left, right)
        one, other = number(left), number(right)
        if one is not None and other is not None:
            same = type(one) is type(other)
            return compare(one, other) if same else compare(float(one), float(other))
        if type(left) is Time and type(right) is Time:
            return compare(left.nanoseconds, right.nanoseconds)
        if type(left) is Duration and type(right) is Duration:
            return compare(left, right)
        raise unfit(operator, left, right)

    return ordered


less = _ordered("<", lambda a, b: a < b)


def contained(needle: object, container: object, meter: Meter) -> bool:
    """`in`: an element of a list, or a key of a map; nothing is in nil."""
    if container is None:
        return False
    if isinstance(container, list):
        return any(equal(item, needle, meter) for item in container)
    if isinstance(container, dict):
        return map_has(container, needle)
    if isinstance(container, Time) and isinstance(needle, str):
        return False  # a time has no fields
    raise ExpressionError(f"in doesn't work on {type_name(container)}")


def among_strings(operation: Operation) -> Operation:
    """A list of texts is searched as a set of them: what is no text can't be asked for."""

    def among(needle: object, container: object, meter: Meter) -> object:
        if needle is not None and not isinstance(needle, str):
            raise ExpressionError(f"{type_name(needle)} can't be in a list of strings")
        return operation(needle or "", container, meter)  # nil is looked up as an empty text

    return among


def without_nil(operation: Operation) -> Operation:
    """For two sides that were found to be ints or strings, and may be nil all the same."""

    def compared(left: object, right: object, meter: Meter) -> object:
        if left is None or right is None:
            raise ExpressionError("nil can't be compared with a number or text here: ask == nil")
        return operation(left, right, meter)

    return compared


def _text_test(operator: str, test: Callable[[str, str], bool]) -> Operation:
    def tested(left: object, right: object, meter: Meter) -> bool:
        if is_nil(left) or is_nil(right):
            return False
        if not isinstance(left, str) or not isinstance(right, str):
            raise unfit(operator, left, right)
        meter.spend((len(left) + len(right)) // 64 + 1)
        return test(left, right)

    return tested


def _matched(left: object, right: object, meter: Meter) -> bool:
    if is_nil(left) or is_nil(right):
        return False
    if not isinstance(left, str) or not isinstance(right, str):
        raise unfit("matches", left, right)
    return matches(left, right, meter)


COMPARISONS: dict[str, Operation] = {
    "==": equal,
    "!=": lambda left, right, meter: not equal(left, right, meter),
    "<": less,
    ">": _ordered(">", lambda a, b: a > b),
    "<=": _ordered("<=", lambda a, b: a <= b),
    ">=": _ordered(">=", lambda a, b: a >= b),
    "in": contained,
    "contains": _text_test("contains", lambda text, part: part in text),
    "startsWith": _text_test("startsWith", str.startswith),
    "endsWith": _text_test("endsWith", str.endswith),
    "matches": _matched,
}
