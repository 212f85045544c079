"""Pydantic's findings in the words of the job language: which field, which value, which rule."""

import json
import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.jobspec.problems import KEY, Problem, field_path
from shared.jobspec.rule_texts import WITHOUT_VALUE, rule_of
from shared.jobspec.tork.guesses import unknown_field
from shared.jobspec.tork.models import Spec
from shared.process.redaction import REDACTED, Redactor

__all__ = ["explain", "field_path", "problem_of", "shown_value"]

_LONGEST_SHOWN = 60
_HIDDEN = re.compile(
    r"(^|\.)(secrets?|secret_mounts|password|headers|env|environment|accessKey|secretKey"
    r"|sessionToken)($|[.\[])"
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
    if kind in WITHOUT_VALUE or about_parts or (is_single and _HIDDEN.search(field)):
        return Problem(field, rule, place=place)
    return Problem(field, rule, shown_value(detail["input"], redactor), place=place)


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
