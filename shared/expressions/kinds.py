"""What is known of a value before anything runs: its kind.

The language refuses at compile time what can't work (`'a' + 1`, `1 == '1'`) wherever both kinds
are known. What comes from a job's inputs or from JSON is ANY, and is checked while it runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    element: "Kind | None" = None  # of an array: what all its elements are; None is ANY
    typed: bool = False  # an array that holds its elements' kind even when passed on

    def __str__(self) -> str:
        return self.name


ANY = Kind("any")
NIL = Kind("nil")
BOOL = Kind("bool")
INT = Kind("int")
FLOAT = Kind("float")
STRING = Kind("string")
MAP = Kind("map")
ANY_MAP = Kind("map with keys of any type")
TIME = Kind("time")
DURATION = Kind("duration")
LOCATION = Kind("timezone")
MONTH = Kind("month")
WEEKDAY = Kind("weekday")
LIST = Kind("array")
STRINGS = Kind("array", STRING, typed=True)
INTS = Kind("array", INT, typed=True)
NUMBERS = (INT, FLOAT)


def array_of(element: Kind) -> Kind:
    return Kind("array", None if element is ANY else element)


def element_of(kind: Kind) -> Kind:
    return kind.element or ANY


def is_array(kind: Kind) -> bool:
    return kind.name == "array"


def kind_of_value(value: object) -> Kind:
    """The kind a name in scope has: its value is known when the expression is compiled."""
    if value is None:
        return NIL
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int | float):
        return FLOAT
    if isinstance(value, str):
        return STRING
    if isinstance(value, Mapping):
        return MAP
    return LIST if isinstance(value, list | tuple) else ANY


def comparable(left: Kind, right: Kind) -> bool:
    """Whether `==` may be asked of the two."""
    if left.name == right.name or {left.name, right.name} & {"any", "nil"}:
        return True
    return left in NUMBERS and right in NUMBERS


def fits(left: Kind, right: Kind, *allowed: Kind) -> bool:
    """Whether one is ANY and the other is ANY or one of `allowed`."""
    if left is ANY:
        return right is ANY or right in allowed
    return right is ANY and left in allowed


def common(one: Kind, other: Kind) -> Kind:
    """The kind of a value that is either of the two."""
    if one is NIL:
        return other
    if other is NIL or one == other:
        return one
    if is_array(one) and is_array(other):
        return LIST
    return one if other is ANY and one is not LIST else ANY
