"""Whatever is written as an expression ends with a value or an ExpressionError, in budget. How
long it may take is measured in steps, which no busy machine can falsify."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.expressions import ExpressionError, answer, check, names_in, render
from shared.expressions.budget import MAX_STEPS, Meter
from shared.expressions.program import run
from shared.expressions.signatures import FUNCTIONS, METHODS, PREDICATES
from shared.expressions.values import Numbers

ENV: dict[str, Any] = {
    "inputs": {"n": "3", "big": "a" * 200_000, "size": 1_048_576, "half": 0.5, "lone": "\ud800"},
    "tasks": {"list": [1, "a", None, {"k": [True]}, 2.5], "json": '{"a": [1, {"b": null}]}'},
    "item": {"index": 4, "value": None},
    "n": 5,
    "name": "bob",
}
_ATOMS = st.sampled_from(
    ["1", "0", "-1", "2.5", "1e300", "9223372036854775807", "'a'", "''", "'é'[0:1]", "`\\`", "nil",
     "true", "false", "[]", "{}", "[1, 'a']", "{a: 1}", "inputs.n", "inputs", "inputs.lone",
     "tasks.list", "tasks.list[3]", "tasks.json", "inputs.big", "inputs.size", "item", "n", "name",
     "$env", "unknown", "1..5", "#", "#acc", "#index", "now()", "duration('1h')",
     "date('2024-01-02')", "timezone('Europe/Berlin')", "concat([], [])", "'(a+)+$'"]
)  # fmt: skip
_OPERATORS = ["+", "-", "*", "/", "%", "**", "^", "==", "!=", "<", ">", "<=", ">=", "and", "||",
              "in", "not in", "??", "..", "matches", "contains", "startsWith", "endsWith", "|",
              ";", "?:"]  # fmt: skip
_METHODS = sorted({name for methods in METHODS.values() for name in methods})


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def made(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(*parts).map(lambda given: template.format(*given))

    calls, bodies = st.sampled_from(sorted(FUNCTIONS)), st.sampled_from(sorted(PREDICATES))
    return st.one_of(
        made("({} {} {})", inner, st.sampled_from(_OPERATORS), inner),
        made("{}({})", calls, inner),
        made("{}({}, {})", calls, inner, inner),
        made("{}({}, {}, {})", calls, inner, inner, inner),
        made("{}({}, {})", bodies, inner, inner),
        made("{}({}, {}, {})", bodies, inner, inner, inner),
        made("{}.{}({})", inner, st.sampled_from(_METHODS), inner),
        made("({} ? {} : {})", inner, inner, inner),
        made("if {} {{ {} }} else {{ {} }}", inner, inner, inner),
        made("[{}, {}]", inner, inner),
        made("{{a: {}, ({}): 1}}", inner, inner),
        made("{}[{}]", inner, inner),
        made("{}[{}:{}]", inner, inner, inner),
        made("{}?.a.b", inner),
        made("let x = {}; {} + x", inner, inner),
        made("-{}", inner),
        made("not {}", inner),
    )


def _is_well_told(error: ExpressionError, source: str) -> None:
    assert error.message
    assert 0 <= error.column <= len(source) + 1


def _ends_well(source: str) -> None:
    for numbers in get_args(Numbers):
        meter = Meter()
        try:
            run(source, ENV, meter, numbers)
            assert 0 < meter.used <= MAX_STEPS
            found = answer(source, ENV, numbers=numbers)
            assert isinstance(found.text, str)
        except ExpressionError as error:  # the other legal end
            _is_well_told(error, source)


@settings(max_examples=400)
@given(st.recursive(_ATOMS, _grown, max_leaves=12))
@example("sum([inputs.lone, inputs.lone]) + 'x'")
@example("'9223372036854775807' ?? 9223372036854775807 ** 0.5")
def test_any_sentence_of_the_grammar_ends_with_a_value_or_an_expression_error(source: str) -> None:
    _ends_well(source)


_SCRAPS = st.sampled_from(
    ["(", ")", "[", "]", "{", "}", ",", ".", "?.", "?", ":", ";", "#", "#acc", "1", "'a'", "nil",
     "not ", " in ", "let x = ", "if ", " else ", "map(", "len(", "inputs", "..", "??", "||", "=",
     "`", "'", "/*", "//", "\\", "1e", "0x", "::", "$env", "é", "\n", " "]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(_SCRAPS, max_size=14).map("".join) | st.text(max_size=40))
def test_any_text_at_all_ends_with_a_value_or_an_expression_error(source: str) -> None:
    _ends_well(source)


_LITERALS = ["int", "float", "duration", "date", "timezone", "fromJSON", "fromBase64", "toJSON",
             "upper", "lower", "trim", "string"]  # fmt: skip


@settings(max_examples=400)
@given(
    st.sampled_from(_LITERALS),
    st.text(max_size=24) | st.text("0123456789+-.eE_xXhms:TZ /,", max_size=24),
)
@example("date", "Z070000")
@example("float", "1" * 400)
def test_any_text_can_be_handed_to_a_conversion(function: str, given_text: str) -> None:
    for source in (f"{function}(a)", f"date('2024-03-31').Format(a) + {function}(a)", "date(b, a)"):
        try:
            answer(source, {"a": given_text, "b": "2024-03-31 02:30:00"})
        except ExpressionError as error:  # the other legal end
            _is_well_told(error, source)


@settings(max_examples=200)
@given(st.lists(_SCRAPS | st.sampled_from(["{{", "}}", "{{ 1 }}"]), max_size=14).map("".join))
def test_any_template_is_rendered_checked_and_read_or_refused(template: str) -> None:
    uses: tuple[Callable[[str], object], ...] = (partial(render, names=ENV), check, names_in)
    for use in uses:
        try:
            use(template)
        except ExpressionError as error:  # the other legal end
            _is_well_told(error, template)
