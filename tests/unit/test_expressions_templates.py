"""Texts with expressions in them, and what can be said of one before it runs."""

import pytest

from shared.expressions import (
    ExpressionError,
    check,
    compile_expression,
    evaluate,
    has_expression,
    names_in,
    render,
    render_value,
)

ENV = {"inputs": {"n": "3", "list": [1, 2]}, "tasks": {"chunk0": "x"}}


def test_each_expression_of_a_text_is_replaced() -> None:
    assert render("a {{inputs.n}} b {{ 1 + 1 }} c", ENV) == "a 3 b 2 c"


def test_a_lone_expression_keeps_its_type_and_text_around_it_makes_a_text() -> None:
    assert render_value("{{ inputs.list }}", ENV) == [1, 2]
    assert render_value(" {{ inputs.list }}!", ENV) == " [1 2]!"
    assert render_value("plain", ENV) == "plain"
    assert evaluate("{{ inputs.n }}", ENV) == "3"


def test_braces_and_quotes_do_not_end_an_expression() -> None:
    assert render("{{ {a: {b: 1}} }}", ENV) == "map[a:map[b:1]]"
    assert render("{{ '}}' }}", ENV) == "}}"


@pytest.mark.parametrize("template", ["no", "{{", "{{}}", "{{ 1\n2 }}", "{ {1} }"])
def test_what_is_no_expression_stays_as_it_is(template: str) -> None:
    assert not has_expression(template)
    assert render(template, ENV) == template


def test_a_template_tells_what_it_reads() -> None:
    assert names_in("{{ tasks.chunk0 }} {{ inputs['n'] }}") == {
        ("tasks", "chunk0"),
        ("inputs", "n"),
    }
    assert names_in("{{ tasks['chunk' + item.index] }}") == {("tasks",), ("item", "index")}
    assert names_in("{{ let x = tasks; x.a }}{{ len(inputs?.a.b) }}") == {
        ("tasks",),
        ("inputs", "a", "b"),
    }
    assert names_in("{{ len($env) }}") == {()}
    assert names_in("{{ map([1], # + sequence(0, 1)[0]) }}") == frozenset()


def test_a_submission_is_checked_without_values() -> None:
    compile_expression("inputs.a + anything.b")
    check("{{ inputs.a }} and {{ item.value }}", {"inputs": {}, "item": {}})
    with pytest.raises(ExpressionError, match="unknown name tasks"):
        check("{{ tasks.a }}", {"inputs": {}})
    for bad in ("{{ 1 + }}", "{{ nope() }}", "{{ 'a' + 1 }}", "{{ len(1) }}", "{{ }}"):
        with pytest.raises(ExpressionError):
            check(bad)
