"""No expression can hold a service up: it ends with a value or an ExpressionError, in budget."""

import pytest

from shared.expressions import Allowance, ExpressionError, evaluate, render_value

_DEEP: list[object] = []
for _ in range(3_000):
    _DEEP = [_DEEP]
ENV: dict[str, object] = {
    "inputs": {"n": "3", "big": "a" * 2_000_000, "deep": _DEEP, "huge": 10**400},
}


@pytest.mark.parametrize(
    "source",
    [
        "1+" * 3000 + "1",
        "(" * 3000 + "1" + ")" * 3000,
        "-" * 3000 + "1",
        "inputs" + ".a" * 3000,
        "'" + "a" * 20_000 + "'",
        "9" * 10_000,
        "repeat('a', 1000000) + repeat('a', 1000000)",
        "repeat(repeat('a', 100000), 100000)",
        "1..1000000000",
        "map(1..1000, map(1..1000, map(1..1000, #)))",
        "reduce(1..1000, #acc + #acc, 'a')",
        "reduce(1..60, [#acc, #acc], 1)",
        "toJSON(reduce(1..60, [#acc, #acc], 1))",
        "string(reduce(1..60, {{a: #acc, b: #acc}}, 1))",
        "reduce(1..60, [#acc, #acc], 1) == reduce(1..60, [#acc, #acc], 1)",
        "max(reduce(1..60, [#acc, #acc], 1))",
        "reduce(1..5000, [#acc], 1)",
        "reduce(1..60, concat(#acc, #acc), [1])",
        "reduce(1..50, toJSON(#acc), '\"')",
        "replace(repeat('a', 100000), 'a', repeat('b', 100000))",
        "join(map(1..10000, 'a'), repeat('b', 1000))",
        "split(repeat('a', 1000000), '')",
        "uniq(1..99999)",
        "sortBy(1..99999, -#)",
        "fromJSON(repeat('[', 1000000))",
        "int(repeat('9', 1000000))",
        "'a' matches '((a{100}){100}){100}'",
        "map(1..99999, 'a' matches string(#))",
        "any(inputs.big, # == 0)",
        "upper(inputs.big)",
        "inputs.deep",
        "inputs.huge",
        "date('2024-01-02').Format(repeat('Monday', 1000))",
        "now().AddDate(1000000000000, 0, 0)",
        "duration(repeat('9', 100000) + 'h')",
        "timezone('../../etc/passwd')",
        "map(1..50000, # ** 1.7)",
        "map(1..50000, duration('1h1m1s'))",
        "[" * 200 + "]" * 200,
        "a?" * 200 + "1" + ":1" * 200,
        "let a=1;" * 500 + "1",
        "1 in " * 500 + "[1]",
        "map(" * 60 + "1" + ",#)" * 60,
        "map(1..5000, repeat('a', 1000) matches '(a+)+$')",
    ],
    ids=lambda source: source[:40],
)
def test_a_bomb_is_refused_before_it_goes_off_and_the_place_is_told(source: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate(source, ENV)
    assert 1 <= raised.value.column <= len(source) + 1


def test_what_fails_takes_its_part_of_an_allowance_and_nothing_is_evaluated_beyond_it() -> None:
    allowance = Allowance(250_000)
    for rule in ("steps \\(column", "all expressions together take more than 250000 steps"):
        with pytest.raises(ExpressionError, match=rule):
            render_value("{{ count(1..45000, # % 7 == 3) > 0 }}", {}, allowance)
        used = allowance.used
    assert 250_000 < used < 260_000
