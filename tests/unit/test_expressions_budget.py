"""No expression can hold a service up: it ends with a value or an ExpressionError, in budget."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.expressions import ExpressionError, evaluate, render
from shared.expressions.budget import MAX_STEPS, Meter
from shared.expressions.program import run

_DEEP: list[object] = []
for _ in range(3_000):
    _DEEP = [_DEEP]
ENV: dict[str, object] = {
    "inputs": {"n": "3", "big": "a" * 2_000_000, "deep": _DEEP, "huge": 10**400},
    "tasks": {"list": [1, "a", None, {"k": [True]}]},
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
    ],
    ids=lambda source: source[:40],
)
def test_a_bomb_is_refused_before_it_goes_off(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, ENV)


_ATOMS = st.sampled_from(
    ["1", "0", "2.5", "'a'", "''", "nil", "true", "false", "[]", "{}", "[1, 'a']", "{a: 1}",
     "inputs.n", "inputs", "tasks.list", "tasks.list[3]", "inputs.big", "1..5", "#", "#acc",
     "now()", "duration('1h')", "date('2024-01-02')", "9223372036854775807", "'é'[0:1]"]
)  # fmt: skip
_CALLS = [
    "len", "type", "string", "int", "float", "abs", "ceil", "max", "mean", "median", "trim",
    "upper", "split", "join", "toJSON", "fromJSON", "first", "last", "take", "keys", "values",
    "toPairs", "fromPairs", "reverse", "uniq", "flatten", "concat", "sort", "get", "repeat",
    "bitshl", "toBase64", "fromBase64", "indexOf", "date", "sequence",
]  # fmt: skip
_BODIES = ["map", "filter", "all", "any", "one", "count", "sum", "find", "groupBy", "sortBy",
           "reduce", "findLastIndex"]  # fmt: skip
_OPERATORS = ["+", "-", "*", "/", "%", "**", "==", "!=", "<", ">=", "and", "||", "in", "??", "..",
              "matches", "contains", "not in"]  # fmt: skip


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def made(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(*parts).map(lambda given: template.format(*given))

    return st.one_of(
        made("({} {} {})", inner, st.sampled_from(_OPERATORS), inner),
        made("{}({})", st.sampled_from(_CALLS), inner),
        made("{}({}, {})", st.sampled_from(_CALLS), inner, inner),
        made("{}({}, {})", st.sampled_from(_BODIES), inner, inner),
        made("({} ? {} : {})", inner, inner, inner),
        made("{}[{}]", inner, inner),
        made("{}[{}:]", inner, inner),
        made("{}?.a", inner),
        made("let x = {}; x", inner),
        made("-{}", inner),
        made("not {}", inner),
    )


def _ends_well(source: str) -> None:
    meter = Meter()
    try:
        run(source, ENV, meter)
        assert 0 < meter.used <= MAX_STEPS
        render("{{ " + source + " }}", ENV)
    except ExpressionError:
        pass  # the other legal end


@settings(max_examples=300, deadline=None)
@given(st.recursive(_ATOMS, _grown, max_leaves=12))
def test_any_sentence_of_the_grammar_ends_with_a_value_or_an_expression_error(source: str) -> None:
    _ends_well(source)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="1a.'\"`[](){}#?:;,+-*/<>=!|&$ \\\n_é", max_size=40) | st.text(max_size=40))
def test_any_text_at_all_ends_with_a_value_or_an_expression_error(source: str) -> None:
    _ends_well(source)
