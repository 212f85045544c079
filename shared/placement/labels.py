"""Constraints on labels, by the rules of label selectors in Kubernetes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from shared.definition import Constraint
from shared.definition.labels import label_key_error, label_value_error
from shared.definition.placement import Operator

OPERATORS: tuple[str, ...] = get_args(Operator)

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_INT64 = range(-(2**63), 2**63)


class Problem(NamedTuple):
    """`field` is `key`, `operator`, `values` or `values[0]`."""

    field: str
    message: str


def constraint_problems(key: str, operator: str, values: Sequence[str]) -> Iterator[Problem]:
    """All that is wrong with a constraint as it was submitted."""
    if (problem := label_key_error(key)) is not None:
        yield Problem("key", problem)
    if operator not in OPERATORS:
        rule = f"must be one of {', '.join(OPERATORS)}"
        yield Problem("operator", f"operator {operator!r} is unknown: it {rule}")
        return
    if (wanted := _count_rule(operator, len(values))) is not None:
        yield Problem("values", f"operator '{operator}' {wanted}, {len(values)} given")
    for place, value in enumerate(values):
        if (wrong := _value_problem(operator, value)) is not None:
            yield Problem(f"values[{place}]", wrong)


def _value_problem(operator: str, value: str) -> str | None:
    if operator in ("gt", "lt") and whole_number(value) is None:
        return f"value {value!r} must be a whole number of 64 bits for operator '{operator}'"
    return label_value_error(value)


def _count_rule(operator: str, count: int) -> str | None:
    if operator in ("in", "notin"):
        return None if count else "needs at least one value"
    if operator in ("exists", "!"):
        return "takes no values" if count else None
    return None if count == 1 else "needs exactly one value"


def whole_number(text: str) -> int | None:
    """As an int64 of Go; None for what is none."""
    if not _INTEGER.fullmatch(text) or (number := int(text)) not in _INT64:
        return None
    return number


def matches(constraint: Constraint, labels: Mapping[str, str]) -> bool:
    label, operator, values = labels.get(constraint.key), constraint.operator, constraint.values
    if operator == "exists":
        return label is not None
    if operator == "!":
        return label is None
    if operator in ("!=", "notin"):
        return label is None or label not in values
    if label is None:
        return False
    if operator in ("gt", "lt"):
        return _compares(operator, label, values)
    return label in values


def _compares(operator: str, label: str, values: Sequence[str]) -> bool:
    number, limit = whole_number(label), whole_number(values[0]) if len(values) == 1 else None
    if number is None or limit is None:
        return False
    return number > limit if operator == "gt" else number < limit
