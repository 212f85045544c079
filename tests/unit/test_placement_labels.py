"""Constraints on labels, as Kubernetes' selectors have them."""

import pytest

from shared.definition import Constraint
from shared.definition.placement import Operator
from shared.placement import constraint_problems, matches

LABELS = {"region": "us-west-2", "cores": "16", "size": "big", "empty": ""}


@pytest.mark.parametrize(
    ("key", "operator", "values", "matched"),
    [
        ("region", "=", ["us-west-2"], True),
        ("region", "==", ["us-west-2"], True),
        ("region", "=", ["eu"], False),
        ("zone", "=", ["a"], False),
        ("zone", "=", [""], False),
        ("empty", "=", [""], True),
        ("region", "!=", ["eu"], True),
        ("region", "!=", ["us-west-2"], False),
        ("zone", "!=", ["a"], True),
        ("region", "in", ["eu", "us-west-2"], True),
        ("region", "in", ["eu"], False),
        ("zone", "in", ["a"], False),
        ("region", "notin", ["eu", "us-west-2"], False),
        ("region", "notin", ["eu"], True),
        ("zone", "notin", ["a"], True),
        ("region", "exists", [], True),
        ("empty", "exists", [], True),
        ("zone", "exists", [], False),
        ("region", "!", [], False),
        ("zone", "!", [], True),
        ("cores", "gt", ["8"], True),
        ("cores", "gt", ["16"], False),
        ("cores", "lt", ["17"], True),
        ("cores", "lt", ["16"], False),
        ("size", "gt", ["8"], False),
        ("size", "lt", ["8"], False),
        ("zone", "gt", ["8"], False),
        ("empty", "lt", ["8"], False),
    ],
)
def test_a_constraint_matches_as_in_kubernetes(
    key: str, operator: Operator, values: list[str], matched: bool
) -> None:
    assert matches(Constraint(key=key, operator=operator, values=tuple(values)), LABELS) is matched


@pytest.mark.parametrize("label", ["9223372036854775808", "1_000", " 9", "9.5", "0x10", "٩", "1e3"])
def test_a_label_that_is_no_int64_is_neither_greater_nor_less(label: str) -> None:
    operator: Operator
    for operator in ("gt", "lt"):
        assert not matches(Constraint(key="n", operator=operator, values=("5",)), {"n": label})


@pytest.mark.parametrize(
    ("key", "operator", "values", "field", "told"),
    [
        ("a", "~", ["x"], "operator", "operator '~' is unknown: it must be one of =, ==, !="),
        ("a", "IN", ["x"], "operator", "'IN' is unknown"),
        ("", "=", ["x"], "key", "label key '': must be 1 to 63 letters"),
        ("-a", "=", ["x"], "key", "'-a'"),
        ("a b", "=", ["x"], "key", "'a b'"),
        ("x" * 64, "=", ["x"], "key", "63"),
        ("Acme.org/a", "=", ["x"], "key", "DNS name"),
        ("/a", "=", ["x"], "key", "DNS name"),
        ("a/b/c", "=", ["x"], "key", "DNS name"),
        ("a", "=", [], "values", "operator '=' needs exactly one value, 0 given"),
        ("a", "!=", ["x", "y"], "values", "exactly one value, 2 given"),
        ("a", "in", [], "values", "at least one value"),
        ("a", "notin", [], "values", "at least one value"),
        ("a", "exists", ["x"], "values", "takes no values, 1 given"),
        ("a", "!", ["x"], "values", "takes no values"),
        ("a", "gt", [], "values", "exactly one value"),
        ("a", "gt", ["big"], "values[0]", "value 'big' must be a whole number of 64 bits"),
        ("a", "lt", ["9223372036854775808"], "values[0]", "whole number"),
        ("a", "lt", ["1.5"], "values[0]", "whole number"),
        ("a", "in", ["x", "a b"], "values[1]", "label value 'a b': must be 1 to 63"),
        ("a", "=", ["x" * 64], "values[0]", "63"),
    ],
)
def test_what_is_wrong_with_a_constraint_is_told_with_field_value_and_rule(
    key: str, operator: str, values: list[str], field: str, told: str
) -> None:
    [problem] = constraint_problems(key, operator, values)
    assert problem.field == field
    assert told in problem.message


@pytest.mark.parametrize(
    ("key", "operator", "values"),
    [
        ("a", "=", [""]),
        ("acme.org/tier_1.x", "in", ["a", "B-2"]),
        ("GPU-0-Memory", "gt", ["9223372036854775807"]),
        ("a", "exists", []),
        ("a", "!", []),
    ],
)
def test_nothing_is_wrong_with_a_legal_constraint(
    key: str, operator: str, values: list[str]
) -> None:
    assert not list(constraint_problems(key, operator, values))
