"""Whole numbers of a job stay whole; asked for, they are floats, as in the reference engine."""

from typing import Any

import pytest

from shared.expressions import ExpressionError, answer, compile_expression, evaluate, render

ENV: dict[str, Any] = {
    "inputs": {"n": 1_048_576, "f": 2.0, "list": [3, 1.5], "json": '{"size": 1048576, "r": 0.5}'},
    "item": {"index": 4},
    "n": 7,
    "wide": 2**70,
}

# expression, text with whole numbers kept, text with every number a float; None is an error
_BOTH = [
    ("inputs.n", "1048576", "1.048576e+06"),
    ("inputs.n + 1", "1048577", "1.048577e+06"),
    ("inputs.n * 1.0", "1.048576e+06", "1.048576e+06"),
    ("inputs.n / 2", "524288", "524288"),
    ("inputs.n % 10", "6", None),
    ("n % 2", "1", None),
    ("n / 2", "3.5", "3.5"),
    ("type(inputs.n)", "int", "float"),
    ("type(inputs.f)", "float", "float"),
    ("toJSON(inputs.n)", "1048576", "1048576"),
    ("inputs", "map[f:2 json:{\"size\": 1048576, \"r\": 0.5} list:[3 1.5] n:1048576]",
     "map[f:2 json:{\"size\": 1048576, \"r\": 0.5} list:[3 1.5] n:1.048576e+06]"),
    ("[1, 2, 3, 4, 5][item.index]", "5", "5"),
    ("[1, 2, 3, 4, 5][n - 5]", "3", None),
    ("1..item.index", "[1 2 3 4]", "[1 2 3 4]"),
    ("1..n", "[1 2 3 4 5 6 7]", None),
    ("sequence(0, item.index)", "[0 1 2 3]", None),
    ("bitand(n, 3)", "3", None),
    ("take([1, 2], item.index)", "[1 2]", None),
    ("n == 7 and n == 7.0", "true", "true"),
    ("n in [7]", "true", "true"),
    ("n in 1..9", "true", "true"),
    ("max(n, 6.5)", "7", "7"),
    ("sum(inputs.list)", "4.5", "4.5"),
    ("n ** 2", "49", "49"),
    ("-n", "-7", "-7"),
    ("fromJSON(inputs.json).size", "1048576", "1.048576e+06"),
    ("fromJSON(inputs.json).size % 3", "1", None),
    ("fromJSON('9223372036854775808')", "9.223372036854776e+18", "9.223372036854776e+18"),
    ("fromJSON('-0')", "0", "-0"),
    ("wide", "1.1805916207174113e+21", "1.1805916207174113e+21"),
    ("{a: n} == {a: 7}", "true", "false"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "exact", "as_floats"), _BOTH, ids=lambda part: str(part)[:40])
def test_numbers_are_read_as_asked(source: str, exact: str | None, as_floats: str | None) -> None:
    for expected, numbers in ((exact, "exact"), (as_floats, "float64")):
        if expected is None:
            with pytest.raises(ExpressionError):
                answer(source, ENV, numbers=numbers)  # type: ignore[arg-type]  # one of the two
        else:
            assert answer(source, ENV, numbers=numbers).text == expected  # type: ignore[arg-type]  # same


def test_a_job_sees_whole_numbers_without_asking() -> None:
    assert render("{{ inputs.n }} bytes", ENV) == "1048576 bytes"
    assert type(evaluate("inputs.n + 1", ENV)) is int
    assert type(evaluate("inputs.list", ENV)[0]) is int  # type: ignore[index]  # it is a list


def test_whether_a_number_is_whole_is_not_held_against_a_submission() -> None:
    compile_expression("inputs.n % 2", {"inputs"})
    compile_expression("(inputs.a == '' ? 'none' : inputs.b.c) + 1", {"inputs"})


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("1.5 ** 1.5", "1.8371173070873836"),
        ("2 ** 0.3333333333333333", "1.259921049894873"),
        ("0.1 ** -2.7", "501.18723362727235"),
        ("1e-7 ** 31", "9.99999999999997e-218"),
        ("2 ** 0.5", "1.4142135623730951"),
        ("10 ** 400 == 1e308 * 10", "true"),
        ("0.1 ** 400", "0"),
    ],
)
def test_powers_are_right_to_the_last_digit(source: str, printed: str) -> None:
    assert answer(source, {}).text == printed
