"""JSON in and out, as Go reads and writes it; and what an expression may hand back."""

import json
import math
import re
from typing import NoReturn

from shared.expressions.budget import Meter
from shared.expressions.dates.moments import time_json
from shared.expressions.errors import ExpressionError
from shared.expressions.printing import decimal_digits, plain_digits
from shared.expressions.unicode_text import printable
from shared.expressions.values import (
    AnyMap,
    Location,
    NilList,
    Numbers,
    Time,
    is_exact,
    type_name,
)

_ESCAPED = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_MOST_DIGITS = 20  # of a 64-bit integer, its sign included
_CHARACTERS_PER_STEP = 4  # reading JSON is slower than copying text
_LONE = re.compile("[\ud800-\udfff]")


def plain(value: object, meter: Meter, depth: int = 0) -> object:
    """A result as JSON data: str, bool, int, float, None, lists and dicts with str keys.

    Times become RFC 3339 texts, spans nanoseconds. ExpressionError for what JSON can't hold:
    infinity, NaN, maps with keys of any type.
    """
    if type(value) is str:
        return printable(value)
    meter.descend(depth)
    if isinstance(value, list | tuple):
        return None if type(value) is NilList else [plain(v, meter, depth + 1) for v in value]
    if isinstance(value, dict) and not isinstance(value, AnyMap):
        return {printable(key): plain(item, meter, depth + 1) for key, item in value.items()}
    return _plain_leaf(value)


def _plain_leaf(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError("the result is infinite or not a number")
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Time):
        return time_json(value)
    if isinstance(value, Location):
        return {}
    raise ExpressionError(f"a {type_name(value)} with keys of any type can't be a result")


def to_json(value: object, meter: Meter) -> str:
    """Indented by two, keys in order, as Go's MarshalIndent writes it."""
    return _written(plain(value, meter), meter, "\n")


def _written(value: object, meter: Meter, line: str) -> str:
    inner = line + "  "
    if isinstance(value, list):
        parts = [_written(item, meter, inner) for item in value]
        return _block("[", parts, "]", line, meter)
    if isinstance(value, dict):
        parts = [
            f"{_quoted(key, meter)}: {_written(item, meter, inner)}"
            for key, item in sorted(value.items())
        ]
        return _block("{", parts, "}", line, meter)
    if isinstance(value, str):
        return _quoted(value, meter)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value) if isinstance(value, int) else _number(float(str(value)))


def _block(opening: str, parts: list[str], closing: str, line: str, meter: Meter) -> str:
    if not parts:
        return opening + closing
    meter.text(sum(map(len, parts)) + len(parts) * (len(line) + 4))
    inner = line + "  "
    return f"{opening}{inner}{f',{inner}'.join(parts)}{line}{closing}"


def _quoted(text: str, meter: Meter) -> str:
    meter.text(len(text) + 5 * sum(map(text.count, '"\\<>&\n')))

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        return _SHORT.get(character) or f"\\u{ord(character):04x}"

    return f'"{_ESCAPED.sub(escape, text)}"'


def _number(value: float) -> str:
    sign, digits, exponent = decimal_digits(value)
    if -7 < exponent < 21:
        return sign + plain_digits(digits, exponent)
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{point}e{exponent:+d}"


def from_json(text: str, meter: Meter, numbers: Numbers) -> object:
    """The value a JSON text states. ExpressionError for bad JSON."""
    meter.text(len(text))
    meter.spend(len(text) // _CHARACTERS_PER_STEP)
    body = text.strip(" \t\n\r")
    whole = _finite if numbers == "float64" else _whole
    try:
        value = json.loads(body, parse_int=whole, parse_float=_finite, parse_constant=_constant)
    except ValueError as error:  # json's own errors are of this kind
        raise ExpressionError(f"bad JSON: {error}") from None
    except RecursionError:  # json descends a level for each bracket
        raise ExpressionError("bad JSON: nested too deep") from None
    return _checked(value, meter, 0)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"number {digits[:20]} is too large")
    return value


def _whole(digits: str) -> int | float:
    if len(digits) <= _MOST_DIGITS and is_exact(value := int(digits), "exact"):
        return value
    return _finite(digits)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"unexpected {name}")


def _checked(value: object, meter: Meter, depth: int) -> object:
    """Charges every part, and replaces halves of surrogate pairs."""
    meter.descend(depth)
    if isinstance(value, str):
        return value if value.isascii() else _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_checked(item, meter, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_LONE.sub("\ufffd", k): _checked(v, meter, depth + 1) for k, v in value.items()}
    return value
