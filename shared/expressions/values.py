"""The values an expression computes with, and how the language calls their types.

nil is None; bool, float and str are themselves; int is a 64-bit integer that wraps; lists are
list, maps with text keys dict. The classes below are what Python has no own type for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from typing import Literal

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError

Numbers = Literal["exact", "float64"]
"""How a caller's numbers, and those of `fromJSON`, are read. exact: whole ones are ints as long
as 64 bits hold them. float64: every one is a float, as JSON's are to the reference engine."""

_SIGN = 1 << 63
_WRAP = 1 << 64
_MASK = _WRAP - 1


def wrap(number: int) -> int:
    """`number` as a signed 64-bit integer, wrapping at the ends as Go does."""
    return number if -_SIGN <= number < _SIGN else ((number + _SIGN) & _MASK) - _SIGN


class Byte(int):
    """One byte of a text."""


class Duration(int):
    """A span of time in nanoseconds."""


class Month(int):
    """1 to 12."""


class Weekday(int):
    """0, Sunday, to 6."""


class TextMap(dict[str, object]):
    """A map of texts, as a caller hands it in: a name it lacks stands for the empty text. What else
    it holds, lists and maps, is named in `others`."""

    @cached_property
    def others(self) -> frozenset[str]:
        return frozenset(name for name, value in self.items() if not isinstance(value, str))


class AnyMap(dict[tuple[str, object], object]):
    """A map with keys of any type. They are kept as (type, value): 1, 1.0 and true differ."""


class Groups(AnyMap):
    """What groupBy gives: a key it lacks stands for an empty list."""


class TypedList(list[object]):
    """The ints of a range, or pairs: a list that can't hold anything else, which `join` minds."""


class NilList(list[object]):
    """A list that was never made: empty, and null as JSON."""


@dataclass(frozen=True, slots=True)
class Location:
    """A time zone."""

    name: str
    zone: tzinfo | None = None  # None: UTC, or a fixed offset
    offset: int = 0  # seconds east of UTC, where `zone` is None


@dataclass(frozen=True, slots=True)
class Time:
    """An instant, and the zone it is shown in."""

    nanoseconds: int  # since 1970-01-01T00:00:00Z
    location: Location


def is_nil(value: object) -> bool:
    """nil, or a list that was never made: `?.` and `??` take it for nil."""
    return value is None or type(value) is NilList


_TYPE_NAMES: dict[type, str] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    Byte: "uint",
    float: "float",
    str: "string",
    list: "array",
    NilList: "array",
    TypedList: "array",
    dict: "map",
    TextMap: "map",
    AnyMap: "map",
    Groups: "map",
    Time: "time.Time",
    Duration: "time.Duration",
    Month: "time.Month",
    Weekday: "time.Weekday",
    Location: "time.Location",
}


def type_name(value: object) -> str:
    """What `type(value)` answers, and what messages call it."""
    return _TYPE_NAMES.get(type(value), "unknown")


def any_key(value: object) -> tuple[str, object]:
    """`value` as a key of an AnyMap. ExpressionError for lists and maps."""
    if isinstance(value, list | dict):
        raise ExpressionError(f"{type_name(value)} can't be a key")
    return type_name(value), value


def taken_in(value: object, meter: Meter, numbers: Numbers, depth: int = 0) -> object:
    """A caller's value, which is JSON data, as the language sees it."""
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is float:
        return value
    meter.descend(depth)
    if isinstance(value, Time | Duration | Location | Byte | Month | Weekday | AnyMap | NilList):
        return value
    if isinstance(value, int):
        return int(value) if is_exact(value, numbers) else _as_float(value)
    if isinstance(value, str):
        return str(value)
    return _container_taken_in(value, meter, numbers, depth + 1)


def _container_taken_in(value: object, meter: Meter, numbers: Numbers, depth: int) -> object:
    if isinstance(value, Mapping):
        made = {str(key): taken_in(item, meter, numbers, depth) for key, item in value.items()}
        return TextMap(made) if isinstance(value, TextMap) else made
    if isinstance(value, list | tuple):
        return [taken_in(item, meter, numbers, depth) for item in value]
    raise ExpressionError(f"a value of type {type(value).__name__} isn't JSON")


def is_exact(value: int, numbers: Numbers) -> bool:
    """Whether a whole number from outside stays an int."""
    return numbers == "exact" and wrap(value) == value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:  # beyond 1e308: JSON has no such number
        raise ExpressionError("a number is too large") from None
