"""What the reference engine answers to expressions over every built-in and operator, numbers read
as floats: same value, same text, or an error."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.expressions import ExpressionError, answer, check

_DATA = json.loads((Path(__file__).parent / "data" / "expression-facts.json").read_text())
_ENV: dict[str, Any] = _DATA["env"]
_CASES: list[dict[str, Any]] = _DATA["cases"]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["expr"])
def test_an_expression_answers_as_the_reference_engine_does(case: dict[str, Any]) -> None:
    if case.get("error"):
        with pytest.raises(ExpressionError) as raised:
            answer(case["expr"], _ENV, numbers="float64")
        assert 1 <= raised.value.column <= len(case["expr"]) + 1
        return
    found = answer(case["expr"], _ENV, numbers="float64")
    assert (found.value, found.text) == (case["value"], case["text"])
    assert isinstance(found.value, bool) == isinstance(case["value"], bool)


@pytest.mark.parametrize("case", [case for case in _CASES if "value" in case], ids=str)
def test_no_expression_that_works_is_refused_at_submission(case: dict[str, Any]) -> None:
    check("{{ " + case["expr"].replace("\n", " ").partition("//")[0] + " }}")
