"""Which kinds a binary operator takes, and what it gives."""

from collections.abc import Callable

from shared.expressions.kinds import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    INTS,
    MAP,
    NIL,
    NUMBERS,
    STRING,
    TIME,
    UNKNOWN,
    Kind,
    array_of,
    assignable,
    comparable,
    element_of,
    fits,
    is_array,
)

_ORDERED = (INT, FLOAT, STRING, TIME, DURATION)


def binary_kind(operator: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of `left operator right`; None when it can't work."""
    return _RULES[operator](left, right)


def _numbers(left: Kind, right: Kind) -> Kind | None:
    if left in NUMBERS and right in NUMBERS:
        return INT if left is INT and right is INT else FLOAT
    return None


def _equality(left: Kind, right: Kind) -> Kind | None:
    return BOOL if comparable(left, right) else None


def _logic(left: Kind, right: Kind) -> Kind | None:
    return BOOL if (left is BOOL and right is BOOL) or fits(left, right, BOOL) else None


def _order(left: Kind, right: Kind) -> Kind | None:
    same = left in _ORDERED and left is right
    return BOOL if same or _numbers(left, right) or fits(left, right, *_ORDERED) else None


def _plus(left: Kind, right: Kind) -> Kind | None:
    if (left is STRING or left is DURATION) and left is right:
        return left
    if (left, right) in ((TIME, DURATION), (DURATION, TIME)):
        return TIME
    return _numbers(left, right) or (UNKNOWN if fits(left, right, *_ORDERED) else None)


def _minus(left: Kind, right: Kind) -> Kind | None:
    if (left is TIME or left is DURATION) and left is right:
        return DURATION
    if left is TIME and right is DURATION:
        return TIME
    possible = fits(left, right, INT, FLOAT, TIME, DURATION)
    return _numbers(left, right) or (UNKNOWN if possible else None)


def _times(left: Kind, right: Kind) -> Kind | None:
    if DURATION in (left, right) and {left, right} <= {DURATION, INT, FLOAT}:
        return DURATION
    return _numbers(left, right) or (UNKNOWN if fits(left, right, INT, FLOAT, DURATION) else None)


def _quotient(left: Kind, right: Kind) -> Kind | None:
    return FLOAT if _numbers(left, right) or fits(left, right, *NUMBERS) else None


def _remainder(left: Kind, right: Kind) -> Kind | None:
    return INT if (left is INT and right is INT) or fits(left, right, INT) else None


def _range(left: Kind, right: Kind) -> Kind | None:
    return array_of(INTS.element or ANY) if _remainder(left, right) else None


def _membership(left: Kind, right: Kind) -> Kind | None:
    if right is MAP:
        return BOOL if left in (STRING, ANY) else None
    if is_array(right):
        return BOOL if comparable(left, element_of(right)) else None
    if right is TIME and left in (STRING, ANY):
        return BOOL
    possible = right == ANY or right.name.startswith("map")
    return BOOL if possible or (left == ANY and right is STRING) else None


def _texts(left: Kind, right: Kind) -> Kind | None:
    return BOOL if (left is STRING and right is STRING) or fits(left, right, STRING) else None


def _fallback(left: Kind, right: Kind) -> Kind | None:
    if left is NIL or right is NIL:
        return right if left is NIL else left
    return left if assignable(right, left) else UNKNOWN


_RULES: dict[str, Callable[[Kind, Kind], Kind | None]] = {
    "==": _equality, "!=": _equality,
    "or": _logic, "||": _logic, "and": _logic, "&&": _logic,
    "<": _order, ">": _order, "<=": _order, ">=": _order,
    "+": _plus, "-": _minus, "*": _times, "/": _quotient, "%": _remainder,
    "**": _quotient, "^": _quotient,
    "in": _membership, "..": _range,
    "matches": _texts, "contains": _texts, "startsWith": _texts, "endsWith": _texts,
    "??": _fallback,
}  # fmt: skip
