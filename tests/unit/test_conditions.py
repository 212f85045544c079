"""A task's `if`: true and false, as values or as texts; anything else fails the task."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.lifecycle import TaskPlanFailed, TaskPlanned, TaskSkipped
from shared.planning.planner import Answer, Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition


def planned(condition: str, inputs: dict[str, Any]) -> Answer:
    job = JobSource(job_id="j", name="j", inputs=inputs, sealed=None, defaults=None, output=None)
    task = {"name": "t", "run": "true", "if": condition}
    source = TaskSource(job=job, position=1, task=task_definition(task), task_id="t", scope=None)
    return Planner(Sealer([generate_key()])).plan(source, {}, {}, datetime.now(UTC))


@pytest.mark.parametrize("value", [True, "true"])
def test_a_task_runs_whose_condition_gives_true_as_a_value_or_as_text(value: object) -> None:
    assert isinstance(planned("{{ inputs.x }}", {"x": value}), TaskPlanned)


@pytest.mark.parametrize("value", [False, "false"])
def test_a_task_is_skipped_whose_condition_gives_false_as_a_value_or_as_text(
    value: object,
) -> None:
    assert isinstance(planned("{{ inputs.x }}", {"x": value}), TaskSkipped)


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [({}, "the text ''"), ({"x": "yes"}, "the text 'yes'"), ({"x": [1, True]}, "[1 true]")],
)
def test_what_is_neither_true_nor_false_fails_the_task_in_the_languages_own_words(
    inputs: dict[str, Any], shown: str
) -> None:
    answer = planned("{{ inputs.x }}", inputs)
    assert isinstance(answer, TaskPlanFailed)
    assert answer.error == f"if: {shown} is neither true nor false"
