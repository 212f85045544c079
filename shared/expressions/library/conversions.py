"""Built-ins from one type to another, dates, spans and zones among them."""

import re
import time

from shared.expressions.budget import Meter
from shared.expressions.dates.calendar import UTC_ZONE, parsed_duration, zone_named
from shared.expressions.dates.reading import LAYOUTS, read_time
from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.json_text import from_json, to_json
from shared.expressions.library.arguments import Function, text
from shared.expressions.operators import number, truncated
from shared.expressions.printing import text_of
from shared.expressions.values import Duration, Location, Month, Time, Weekday, type_name, wrap

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))"
)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
)
_MISPLACED = re.compile(r"__|^_|_$|[^0-9a-fA-FxX]_|_[^0-9a-fA-F]")
_LONGEST = 1_000


def _int(arguments: list[object], meter: Meter) -> object:
    value = arguments[0]
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value) or wrap(int(value)) != int(value):
            raise ExpressionError(f"{shortened(value)!r} isn't an int")
        return int(value)
    if isinstance(value, Duration | Month | Weekday):
        return int(value)
    found = number(value)
    if found is None:
        raise ExpressionError(f"{type_name(value)} can't be made an int")
    return truncated(found)


def _float(arguments: list[object], meter: Meter) -> object:
    value = arguments[0]
    if isinstance(value, str):
        return _parsed_float(value)
    found = number(value)
    if found is None:
        raise ExpressionError(f"{type_name(value)} can't be made a float")
    return float(found)


def _parsed_float(value: str) -> float:
    digits = value.replace("_", "") if not _MISPLACED.search(value) else value
    try:
        if len(value) <= _LONGEST and _DECIMAL.fullmatch(digits):
            parsed = float(digits)
            if abs(parsed) != float("inf") or "n" in digits.lower():
                return parsed
        elif len(value) <= _LONGEST and _HEXADECIMAL.fullmatch(digits):
            return float.fromhex(digits)
    except OverflowError:  # a hexadecimal exponent out of range
        pass
    raise ExpressionError(f"{shortened(value)!r} isn't a float")


CONVERSIONS: dict[str, Function] = {
    "int": _int,
    "float": _float,
    "string": lambda arguments, meter: text_of(arguments[0], meter),
    "type": lambda arguments, meter: type_name(arguments[0]),
    "toJSON": lambda arguments, meter: to_json(arguments[0], meter),
    "fromJSON": lambda arguments, meter: from_json(text(arguments[0]), meter, "exact"),
}
FLOAT_CONVERSIONS: dict[str, Function] = {
    "fromJSON": lambda arguments, meter: from_json(text(arguments[0]), meter, "float64"),
}


_SPAN_READING = 20  # steps
_READING = 500  # steps: up to seven layouts are tried


def _now(arguments: list[object], meter: Meter) -> object:
    where = arguments[0] if arguments else UTC_ZONE
    if not isinstance(where, Location):
        raise ExpressionError("now takes a timezone")
    return Time(time.time_ns(), where)


def _date(arguments: list[object], meter: Meter) -> object:
    """`date([zone,] text [, layout [, zone name]])`."""
    meter.spend(_READING)
    where, given = UTC_ZONE, arguments
    if isinstance(given[0], Location):
        where, given = given[0], given[1:]
    if not 1 <= len(given) <= 3:
        raise ExpressionError("wrong number of arguments for date")
    if len(given) == 3:
        where = zone_named(text(given[2]))
    layouts = (text(given[1]),) if len(given) > 1 else LAYOUTS
    return read_time(text(given[0]), layouts, where)


def _duration(arguments: list[object], meter: Meter) -> object:
    meter.spend(_SPAN_READING)
    return parsed_duration(text(arguments[0]))


DATES: dict[str, Function] = {
    "now": _now,
    "date": _date,
    "duration": _duration,
    "timezone": lambda arguments, meter: zone_named(text(arguments[0])),
}
