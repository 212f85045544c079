"""Values of expressions as JSON, to the digit as the reference engine writes them."""

import json
from decimal import Decimal

_LARGEST_PLAIN = 1e21  # from here on a number is written with an exponent


def as_json(value: object) -> str:
    """One line, in ASCII, so that no reader splits it elsewhere."""
    return json.dumps(_plain_numbers(value), separators=(",", ":"))


def _plain_numbers(value: object) -> object:
    """5.0 becomes 5, and 4.6e19 its shortest digits followed by zeros."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_PLAIN:
        return int(Decimal(repr(value)))
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    return value
