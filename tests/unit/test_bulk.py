"""A small job can't make a big one of itself: what evaluation comes to is bounded, in good time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.lifecycle import TaskPlanFailed, TaskPlanned
from shared.planning.planner import Answer, Planner
from shared.planning.submission import new_job_id
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer
from tests.support.jobs.definitions import task_definition

TEXT = "x" * 100_000
MANY = "map(sequence(0, 50000), inputs.text)"
BOMB = "{{ " + MANY + " }}"


def planned(task: dict[str, Any], scope: dict[str, Any] | None = None) -> Answer:
    job = JobSource(
        job_id=new_job_id(),
        name="j",
        inputs={"text": TEXT},
        sealed=None,
        defaults=None,
        output=None,
    )
    source = TaskSource(job=job, position=1, task=task_definition(task), task_id="t", scope=scope)
    return Planner(Sealer(())).plan(source, {}, {}, datetime.now(UTC))


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ({"cmd": ["{{ inputs.text }}"] * 20_000}, "cmd[10]"),
        ({"pre": [{"env": {"A": "{{ inputs.text }}"}}] * 5_000}, "pre[10].env.A"),
        ({"each": {"list": MANY, "task": {"run": "x"}}}, "each.list"),
        (
            {"subjob": {"name": "s", "tasks": [{"run": "x"}], "inputs": {"a": BOMB}}},
            "subjob.inputs.a",
        ),
    ],
)
def test_a_task_that_would_repeat_a_text_without_end_fails_and_says_where(
    task: dict[str, Any], field: str
) -> None:
    answer = planned(task)
    assert isinstance(answer, TaskPlanFailed)
    assert answer.error.startswith(f"{field}: ")
    assert "characters" in answer.error


@pytest.mark.parametrize(
    ("inner", "count"),
    [
        ({"parallel": {"tasks": [{"run": "x"}] * 5_000}}, 5_000),
        ({"each": {"list": "sequence(0, 10000)", "task": {"run": "x"}}}, 10_000),
    ],
    ids=["parallel", "each"],
)
def test_many_tasks_within_a_task_of_a_big_item_are_bounded_as_well(
    inner: dict[str, Any], count: int
) -> None:
    answer = planned(inner, {"outer": {"index": "0", "value": TEXT * 3}})
    assert isinstance(answer, TaskPlanFailed)
    assert f"the variables of its {count} tasks are more than" in answer.error


def test_fifty_thousand_items_of_a_usual_size_are_well_within_the_bounds() -> None:
    listed = 'map(sequence(0, 50000), "s3://bucket/videos/2024/part-00000000.mp4")'
    task = {"each": {"list": listed, "task": {"run": "x"}}}
    assert isinstance(planned(task), TaskPlanned)
    subjob = {"name": "s", "tasks": [{"run": "x"}], "inputs": {"a": "{{ " + listed + " }}"}}
    assert isinstance(planned({"subjob": subjob}), TaskPlanned)


def test_a_task_with_a_big_text_once_is_well_within_the_bounds() -> None:
    assert isinstance(planned({"env": {"A": "{{ inputs.text }}", "B": "b"}}), TaskPlanned)
