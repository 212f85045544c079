"""The reference engine's answers, one by one: same value, same text, or an error."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.expressions import ExpressionError, TextMap, evaluate, render, render_value

_DATA = json.loads((Path(__file__).parent / "data" / "expression-vectors.json").read_text())
_ENV: dict[str, Any] = _DATA["env"]
_TYPED = json.loads((Path(__file__).parent / "data" / "typed-context-vectors.json").read_text())
_TYPED_ENV: dict[str, Any] = {
    name: value if name == "item" else TextMap(value) for name, value in _TYPED["env"].items()
}
_BY_CHANCE = {"randomInt(1)"}


@pytest.mark.parametrize("case", _DATA["cases"], ids=lambda case: case["expr"])
def test_an_expression_answers_as_the_reference_engine_does(case: dict[str, Any]) -> None:
    source = case["expr"]
    if case.get("error"):
        with pytest.raises(ExpressionError):
            evaluate(source, _ENV)
        with pytest.raises(ExpressionError):
            render("{{ " + source + " }}", _ENV)
        return
    value = evaluate(source, _ENV)
    if source in _BY_CHANCE:
        assert type(value) is int
        return
    assert value == case["value"]
    assert isinstance(value, bool) == isinstance(case["value"], bool)
    assert render("-{{ " + source + " }}-", _ENV) == f"-{case['text']}-"
    assert render_value("{{ " + source + " }}", _ENV) == case["value"]


@pytest.mark.parametrize("case", _TYPED["cases"], ids=lambda case: case["expr"])
def test_what_inputs_and_tasks_lack_is_an_empty_text_as_to_the_reference_engine(
    case: dict[str, Any],
) -> None:
    source = case["expr"]
    if case.get("error"):
        with pytest.raises(ExpressionError):
            evaluate(source, _TYPED_ENV)
        return
    assert evaluate(source, _TYPED_ENV) == case["value"]
    assert render("-{{ " + source + " }}-", _TYPED_ENV) == f"-{case['text']}-"
