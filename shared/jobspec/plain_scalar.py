"""Values that keep their spelling: a YAML value without quotes, a JSON number.

Job files write `cpus: 1` and `PORT: 8080` where the language wants text, and `version: 1.10` must
then stay `1.10`. So a plain value is text until a field asks for a number. A single value directly
under `inputs` is text, as in Tork. Inside a list or mapping it becomes a number only if the number
would print exactly as it was spelled: `007` and `1.10` stay text. `yes`, `no`, `on`, `off` and
dates are text everywhere, as in YAML 1.2.
"""

import math
import re
from typing import Self

from pydantic import JsonValue

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?[0-9]+")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True} | dict.fromkeys(
    ("false", "False", "FALSE"), False
)


class PlainScalar(str):
    __slots__ = ()

    @property
    def is_null(self) -> bool:
        return self in _NULLS

    def number(self) -> int | float | None:
        """The number this spells, or None when it spells none."""
        if _INTEGER.fullmatch(self):
            return int(self)
        return float(self) if _FLOAT.fullmatch(self) else None

    def json_value(self) -> JsonValue:
        """The boolean or number this is the usual spelling of; otherwise the text."""
        if self in _BOOLEANS:
            return _BOOLEANS[self]
        number = self.number()
        return number if number is not None and _printed(number) == self else str(self)


class SpelledNumber(float):
    """A JSON number that would print otherwise than it is spelled, such as `1.10`, or that doesn't
    fit in 64 bits."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    @property
    def is_integer_text(self) -> bool:
        return _WHOLE.fullmatch(self.text) is not None

    @property
    def fits(self) -> bool:
        return not math.isinf(self) and (not self.is_integer_text or -(2.0**63) < self < 2.0**63)


def _printed(number: float) -> str:
    # A whole float prints without its point in an expression, so `1.0` has to stay text.
    return "" if isinstance(number, float) and number.is_integer() else repr(number)


def as_number(value: object) -> object:
    """For a field that wants a number: a plain scalar's number, anything else as it is."""
    if isinstance(value, PlainScalar):
        number = value.number()
        return value if number is None else number
    return value


def as_boolean(value: object) -> object:
    """For a field that wants true or false: what a plain scalar spells, anything else as it is."""
    return _BOOLEANS.get(value, value) if isinstance(value, PlainScalar) else value


def as_inputs(value: object) -> object:
    """For `inputs`: single values as texts, as they were spelled; lists and mappings as JSON."""
    if isinstance(value, dict):
        return {name: _as_input(item) for name, item in value.items()}
    return value


def _as_input(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case SpelledNumber():
            return value.text
        case str() | int() | float():
            return str(value)
    return as_json(value)


def as_json(value: object) -> object:
    """For a field that takes any value: every plain scalar in it resolved."""
    if isinstance(value, PlainScalar):
        return value.json_value()
    if isinstance(value, SpelledNumber):
        return float(value)
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value
