"""Submissions are answered as Tork has answered them; each difference is a row of docs/tork.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job

_CASES = json.loads((Path(__file__).parent / "data" / "tork-answers.json").read_text())["cases"]
_ROWS = (Path(__file__).parents[2] / "docs" / "tork.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["body"])
def test_a_submission_is_answered_as_in_tork_or_as_the_docs_say(case: dict[str, Any]) -> None:
    parse = parse_scheduled_job if case.get("path") == "/scheduled-jobs" else parse_job
    status = 200
    try:
        parse(case["body"].encode(), case.get("type", "text/yaml"))
    except InvalidJob:
        status = 400
    assert status == case["conveyor"]
    if status == case["tork"]:
        assert "row" not in case
    else:
        assert f"| {case['row']} | " in _ROWS
