"""Pydantic's findings as the rules that they are of, in the words of the API."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_Context = Mapping[str, Any]
_RULES: dict[str, Callable[[_Context], str]] = {
    "missing": lambda ctx: "is required",
    "extra_forbidden": lambda ctx: "unknown field",
    "string_type": lambda ctx: "must be text",
    "bool_type": lambda ctx: "must be true or false",
    "int_type": lambda ctx: "must be a whole number",
    "int_from_float": lambda ctx: "must be a whole number",
    "float_type": lambda ctx: "must be a number",
    "int_parsing": lambda ctx: "must be a whole number",
    "float_parsing": lambda ctx: "must be a number",
    "finite_number": lambda ctx: "must be a number",
    "is_instance_of": lambda ctx: "must be a number",  # a Decimal: nothing else is asked for
    "datetime_type": lambda ctx: "must be a time such as 2026-06-01T12:00:00Z",
    "list_type": lambda ctx: "must be a list",
    "dict_type": lambda ctx: "must be a mapping",
    "model_type": lambda ctx: "must be a mapping",
    "greater_than": lambda ctx: f"must be more than {_number(ctx['gt'])}",
    "less_than": lambda ctx: f"must be less than {_number(ctx['lt'])}",
    "decimal_max_digits": lambda ctx: f"must have at most {ctx['max_digits']} digits",
    "decimal_max_places": lambda ctx: (
        f"must have at most {ctx['decimal_places']} digits after the point"
    ),
    "greater_than_equal": lambda ctx: f"must be at least {_number(ctx['ge'])}",
    "less_than_equal": lambda ctx: f"must be at most {_number(ctx['le'])}",
    "string_too_short": lambda ctx: "must not be empty",
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: f"must match {ctx['pattern']}",
    "too_short": lambda ctx: f"must have at least {ctx['min_length']} entry",
    "too_long": lambda ctx: _at_most(ctx["max_length"]),
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    "enum": lambda ctx: f"must be {ctx['expected']}",
    "value_error": lambda ctx: str(ctx["error"]),
    "rule": lambda ctx: str(ctx["rule"]),
}

WITHOUT_VALUE = frozenset(
    {"missing", "extra_forbidden", "string_too_short", "too_short", "too_long"}
)
"""Findings that say all without the value."""


def _at_most(count: int) -> str:
    if not count:
        return "must be empty"
    return f"must have at most {count} {'entry' if count == 1 else 'entries'}"


def _number(bound: float) -> str:
    """A whole one with all its digits."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def rule_of(detail: ErrorDetails) -> str:
    kind = detail["type"]
    return _RULES[kind](detail.get("ctx", {})) if kind in _RULES else detail["msg"]
