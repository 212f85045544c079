"""Replacing fields of the core's values, without `dataclasses`."""

import dataclasses
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shared.lifecycle import Job, JobState, PlannedTask, Task, TaskState
from shared.lifecycle.replacing import replace

NOW = datetime(2024, 5, 1, tzinfo=UTC)
JOB = Job(id="j", state=JobState.RUNNING, task_count=2, created_at=NOW, result="x")
TASK = Task(
    id="t",
    job_id="j",
    position=1,
    plan=PlannedTask(name="a", queue="q"),
    state=TaskState.RUNNING,
    created_at=NOW,
)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (JOB, {}),
        (JOB, {"state": JobState.FAILED, "error": "no", "failed_at": NOW}),
        (TASK, {"plan": dataclasses.replace(TASK.plan, name="b"), "progress": 50.0}),
    ],
)
def test_a_value_with_other_fields_is_the_one_that_dataclasses_makes(
    value: Job | Task, changes: dict[str, Any]
) -> None:
    before = dataclasses.replace(value)
    assert replace(value, **changes) == dataclasses.replace(value, **changes)
    assert value == before


def test_a_field_that_the_value_has_not_is_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        replace(cast(Any, JOB), colour="red")
