"""Pydantic's findings in the words of the job language: which field, which value, which rule."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.jobspec.problems import KEY, Problem, field_path
from shared.jobspec.tork.guesses import unknown_field
from shared.jobspec.tork.models import Spec
from shared.process.redaction import REDACTED, Redactor

__all__ = ["explain", "field_path", "problem_of", "rule_of", "shown_value"]

_LONGEST_SHOWN = 60
_HIDDEN = re.compile(
    r"(^|\.)(secrets?|secret_mounts|password|headers|env|environment|accessKey|secretKey"
    r"|sessionToken)($|[.\[])"
)

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
    "greater_than": lambda ctx: f"must be more than {ctx['gt']:g}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']:.15g}",
    "decimal_max_digits": lambda ctx: f"must have at most {ctx['max_digits']} digits",
    "decimal_max_places": lambda ctx: (
        f"must have at most {ctx['decimal_places']} digits after the point"
    ),
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']:g}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']:.12g}",
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
_WITHOUT_VALUE = frozenset(
    {"missing", "extra_forbidden", "string_too_short", "too_short", "too_long"}
)
_OURS = frozenset({"value_error", "rule"})


def explain(error: ValidationError, root: type[Spec], secrets: Sequence[str]) -> list[Problem]:
    """One problem for each finding in a `root`. A value that holds one of `secrets` is not
    shown."""
    redactor = Redactor(secrets)
    return [_problem(detail, root, redactor) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, root: type[Spec], redactor: Redactor) -> Problem:
    place = detail["loc"]
    if detail["type"] == "extra_forbidden":
        unknown = redactor.text(unknown_field(place, detail["input"], root))
        return Problem(field_path(place), unknown, place=(*place, KEY))
    return problem_of(detail, redactor)


def problem_of(detail: ErrorDetails, redactor: Redactor) -> Problem:
    """What is found in any model, with its value unless that is or may hold a secret."""
    place, kind = detail["loc"], detail["type"]
    field = field_path(place)
    rule = redactor.text(rule_of(detail))  # it may quote the value's expressions
    is_single = isinstance(detail["input"], str | int | float)
    about_parts = kind in _OURS and not is_single
    if kind in _WITHOUT_VALUE or about_parts or (is_single and _HIDDEN.search(field)):
        return Problem(field, rule, place=place)
    return Problem(field, rule, shown_value(detail["input"], redactor), place=place)


def _at_most(count: int) -> str:
    if not count:
        return "must be empty"
    return f"must have at most {count} {'entry' if count == 1 else 'entries'}"


def rule_of(detail: ErrorDetails) -> str:
    kind = detail["type"]
    return _RULES[kind](detail.get("ctx", {})) if kind in _RULES else detail["msg"]


def shown_value(value: object, redactor: Redactor) -> str:
    """A value as errors quote it: in short, and without secrets."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    if redactor.text(text) != text:
        return REDACTED
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 1] + "…"
