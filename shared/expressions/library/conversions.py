"""Built-ins from one type to another."""

import re

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError, shortened
from shared.expressions.json_text import from_json, to_json
from shared.expressions.library.arguments import Function, text
from shared.expressions.operators import number, truncated
from shared.expressions.printing import text_of
from shared.expressions.values import Duration, Month, Weekday, type_name, wrap

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
