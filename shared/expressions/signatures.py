"""Which functions there are, what they take and what they give: facts for parser and checker."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.expressions.kinds import (
    ANY,
    ANY_MAP,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    INTS,
    LIST,
    LOCATION,
    MAP,
    MONTH,
    STRING,
    STRINGS,
    TIME,
    UNKNOWN,
    WEEKDAY,
    Kind,
    element_of,
)

Result = Kind | Callable[[tuple[Kind, ...]], Kind]
Accepted = tuple[Kind, ...]  # an argument of any of these kinds, or ANY


@dataclass(frozen=True, slots=True)
class Signature:
    parameters: tuple[Accepted, ...]
    result: Result
    required: int | None = None  # None: all of them
    variadic: bool = False  # the last parameter may come again and again

    @property
    def least(self) -> int:
        return len(self.parameters) if self.required is None else self.required

    def accepts_count(self, count: int) -> bool:
        return count >= self.least and (self.variadic or count <= len(self.parameters))

    def parameter(self, place: int) -> Accepted:
        return self.parameters[min(place, len(self.parameters) - 1)]

    def result_for(self, arguments: tuple[Kind, ...]) -> Kind:
        return self.result if isinstance(self.result, Kind) else self.result(arguments)


def _sign(*parameters: Accepted | Kind, to: Result, **more: int) -> Signature:
    accepted = tuple((p,) if isinstance(p, Kind) else p for p in parameters)
    return Signature(accepted, to, more.get("required"), bool(more.get("variadic")))


def _passed_on(arguments: tuple[Kind, ...]) -> Kind:
    """The element of a list whose elements' kind is kept; ANY for any other list."""
    return element_of(arguments[0]) if arguments[0].typed else ANY


def _number_or_any(arguments: tuple[Kind, ...]) -> Kind:
    return arguments[0] if all(kind in _NUMERIC for kind in arguments) else ANY


def _taken(arguments: tuple[Kind, ...]) -> Kind:
    return arguments[0] if arguments[0].typed or arguments[0] == ANY else LIST


def _inside(arguments: tuple[Kind, ...]) -> Kind:
    return UNKNOWN if arguments[0] == ANY else element_of(arguments[0])


_ANYTHING: Accepted = ()  # no restriction, nil included
_MAPS: Accepted = (MAP, ANY_MAP)
_SIZED: Accepted = (LIST, MAP, ANY_MAP, STRING)
_NUMERIC: Accepted = (INT, FLOAT, DURATION, MONTH, WEEKDAY)
_COUNTABLE: Accepted = (*_NUMERIC, LIST)
_CONVERTIBLE: Accepted = (*_NUMERIC, STRING)
_text = _sign(STRING, to=STRING)
_bits = _sign(INT, INT, to=INT)
_test = _sign(STRING, STRING, to=BOOL)
_find = _sign(STRING, STRING, to=INT)
_rounded = _sign(_NUMERIC, to=FLOAT)
_aggregate = _sign(_COUNTABLE, to=_number_or_any, variadic=1)
_average = _sign(_COUNTABLE, to=ANY, variadic=1)
_element = _sign(LIST, to=_passed_on)
_split = _sign(STRING, STRING, INT, to=STRINGS, required=2)
_trimmed = _sign(STRING, STRING, to=STRING, required=1)

FUNCTIONS: dict[str, Signature] = {
    "len": _sign(_SIZED, to=INT),
    "type": _sign(_ANYTHING, to=STRING),
    "string": _sign(_ANYTHING, to=STRING),
    "int": _sign(_CONVERTIBLE, to=INT),
    "float": _sign(_CONVERTIBLE, to=FLOAT),
    "abs": _sign(_NUMERIC, to=_number_or_any),
    "ceil": _rounded, "floor": _rounded, "round": _rounded,
    "max": _aggregate, "min": _aggregate, "mean": _average, "median": _average,
    "bitand": _bits, "bitor": _bits, "bitxor": _bits, "bitnand": _bits,
    "bitshl": _bits, "bitshr": _bits, "bitushr": _bits, "bitnot": _sign(INT, to=INT),
    "trim": _trimmed, "trimPrefix": _trimmed, "trimSuffix": _trimmed,
    "upper": _text, "lower": _text, "toBase64": _text, "fromBase64": _text,
    "split": _split, "splitAfter": _split,
    "replace": _sign(STRING, STRING, STRING, INT, to=STRING, required=3),
    "repeat": _sign(STRING, INT, to=STRING),
    "join": _sign(LIST, STRING, to=STRING, required=1),
    "indexOf": _find, "lastIndexOf": _find, "hasPrefix": _test, "hasSuffix": _test,
    "toJSON": _sign(_ANYTHING, to=STRING), "fromJSON": _sign(STRING, to=ANY),
    "first": _element, "last": _element,
    "take": _sign(LIST, (INT, DURATION, MONTH, WEEKDAY), to=_taken),
    "keys": _sign(_MAPS, to=LIST), "values": _sign(_MAPS, to=LIST),
    "toPairs": _sign(_MAPS, to=LIST), "fromPairs": _sign(LIST, to=ANY_MAP),
    "reverse": _sign(LIST, to=LIST), "uniq": _sign(LIST, to=LIST),
    "flatten": _sign(LIST, to=LIST), "concat": _sign(LIST, to=LIST, variadic=1),
    "sort": _sign(LIST, STRING, to=LIST, required=1),
    "get": _sign((LIST, MAP, ANY_MAP), _ANYTHING, to=_inside),
    "now": _sign(LOCATION, to=TIME, required=0),
    "duration": _sign(STRING, to=DURATION), "timezone": _sign(STRING, to=LOCATION),
    "date": _sign(_ANYTHING, _ANYTHING, _ANYTHING, _ANYTHING, to=TIME, required=1),
    # not of the language: what this engine adds
    "sequence": _sign(INT, INT, to=INTS),
    "randomInt": _sign(_ANYTHING, to=INT, required=0, variadic=1),
}  # fmt: skip
OWN_FUNCTIONS = frozenset({"sequence", "randomInt"})

# name: how many arguments it needs and may have; the second is the body
PREDICATES: dict[str, tuple[int, int]] = {
    "all": (2, 2), "none": (2, 2), "any": (2, 2), "one": (2, 2), "filter": (2, 2), "map": (2, 2),
    "count": (1, 2), "sum": (1, 2), "find": (2, 2), "findIndex": (2, 2), "findLast": (2, 2),
    "findLastIndex": (2, 2), "groupBy": (2, 2), "sortBy": (2, 3), "reduce": (2, 3),
}  # fmt: skip
INDEXED = frozenset({"map", "reduce"})  # these know #index

METHODS: dict[str, dict[str, Signature]] = {
    "time": {
        **{
            name: _sign(to=INT)
            for name in (
                "Year", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Unix",
                "UnixMilli", "UnixMicro", "UnixNano", "ISOWeek",
            )
        },
        **{name: _sign(TIME, to=BOOL) for name in ("Before", "After", "Equal")},
        **{name: _sign(DURATION, to=TIME) for name in ("Add", "Round", "Truncate")},
        "Month": _sign(to=MONTH), "Weekday": _sign(to=WEEKDAY), "Zone": _sign(to=STRING),
        "UTC": _sign(to=TIME), "Local": _sign(to=TIME), "Location": _sign(to=LOCATION),
        "IsZero": _sign(to=BOOL), "IsDST": _sign(to=BOOL), "String": _sign(to=STRING),
        "Format": _text, "In": _sign(LOCATION, to=TIME), "Compare": _sign(TIME, to=INT),
        "Sub": _sign(TIME, to=DURATION), "AddDate": _sign(INT, INT, INT, to=TIME),
    },
    "duration": {
        **{name: _sign(to=FLOAT) for name in ("Hours", "Minutes", "Seconds")},
        **{name: _sign(to=INT) for name in ("Milliseconds", "Microseconds", "Nanoseconds")},
        **{name: _sign(DURATION, to=DURATION) for name in ("Round", "Truncate")},
        "Abs": _sign(to=DURATION), "String": _sign(to=STRING),
    },
    "month": {"String": _sign(to=STRING)},
    "weekday": {"String": _sign(to=STRING)},
    "timezone": {"String": _sign(to=STRING)},
}  # fmt: skip
