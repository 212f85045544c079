"""What is known of a value before anything runs: its kind; and which kinds an operator takes.

The language refuses at compile time what can't work (`'a' + 1`, `1 == '1'`) wherever both kinds
are known. What comes from a job's inputs or from JSON is ANY, and is checked while it runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shared.expressions.values import Numbers, TextMap, is_exact


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    element: "Kind | None" = None  # of an array: what all its elements are; None is ANY
    typed: bool = False  # an array that holds its elements' kind even when passed on
    others: frozenset[str] = frozenset()  # of a map: the names that are not of kind `element`
    settled: bool = field(default=True, compare=False)  # False: see UNKNOWN

    def __str__(self) -> str:
        return self.name


ANY = Kind("any")
UNKNOWN = Kind("any", settled=False)
"""As ANY, and equal to it. ANY is a place declared to hold anything, such as a member of a map, so
`c ? 'a' : inputs.b` counts as a string; of UNKNOWN, such as `inputs.a.b`, nothing is concluded."""
NIL = Kind("nil")
BOOL = Kind("bool")
INT = Kind("int")
FLOAT = Kind("float")
STRING = Kind("string")
MAP = Kind("map")
TEXTS = Kind("map", STRING)
ANY_MAP = Kind("map with keys of any type")
TIME = Kind("time")
DURATION = Kind("duration")
LOCATION = Kind("timezone")
MONTH = Kind("month")
WEEKDAY = Kind("weekday")
LIST = Kind("array")
STRINGS = Kind("array", STRING, typed=True)
INTS = Kind("array", INT, typed=True)
FUNCTION = Kind("function")  # a built-in that isn't called; it is nil when it runs
NUMBERS = (INT, FLOAT)


def array_of(element: Kind) -> Kind:
    return Kind("array", None if element is ANY else element)


def element_of(kind: Kind) -> Kind:
    return kind.element or ANY


def member_of(kind: Kind, name: object) -> Kind:
    """Of a map or array: the kind of the member `name`; None: one that only running tells."""
    known = not kind.others or (isinstance(name, str) and name not in kind.others)
    return element_of(kind) if known else UNKNOWN


def is_map(kind: Kind) -> bool:
    """Whether it is a map with text keys."""
    return kind.name == MAP.name


def is_array(kind: Kind) -> bool:
    return kind.name == "array"


def kind_of_value(value: object, numbers: Numbers) -> Kind:
    """The kind a name in scope has: its value is known when the expression is compiled."""
    if value is None:
        return NIL
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int) and is_exact(value, numbers):
        return INT
    if isinstance(value, int | float):
        return FLOAT
    if isinstance(value, str):
        return STRING
    if isinstance(value, TextMap):
        return replace(TEXTS, others=value.others) if value.others else TEXTS
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
    if left == ANY:
        return right == ANY or right in allowed
    return right == ANY and left in allowed


def assignable(kind: Kind, target: Kind) -> bool:
    """Whether a place of kind `target` may hold a value of `kind`."""
    if not kind.settled or not target.settled or target is NIL:
        return False
    if kind is NIL:
        return target == ANY or is_array(target) or is_map(target) or target in (ANY_MAP, LOCATION)
    if target == ANY:
        return True
    if kind.name != target.name or kind.typed != target.typed:
        return False
    return not kind.typed or kind.element == target.element


def common(one: Kind, other: Kind) -> Kind:
    """The kind of a value that is either of the two."""
    if one is NIL or other is NIL:
        return other if one is NIL else one
    if not assignable(one, other):
        return UNKNOWN
    if is_map(one) and one != other:
        return MAP
    if is_array(one) and is_array(other):
        left, right = element_of(one), element_of(other)
        return one if assignable(left, right) and assignable(right, left) else LIST
    return one


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
    if is_map(right):
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
