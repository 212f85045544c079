"""What a task's `retry` becomes when it is planned."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.lifecycle import RetryPolicy, TaskPlanned
from shared.planning.planner import Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition

_JOB = JobSource(job_id="j", name="j", inputs={}, sealed=None, defaults=None, output=None)


def planned(retry: dict[str, Any]) -> RetryPolicy:
    task = {"name": "t", "run": "true", "retry": retry}
    source = TaskSource(job=_JOB, position=1, task=task_definition(task), task_id="t", scope=None)
    answer = Planner(Sealer([generate_key()])).plan(source, {}, {}, datetime.now(UTC))
    assert isinstance(answer, TaskPlanned)
    return answer.planned.task.retry


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        ({"limit": 4}, [1, 2, 4, 8]),
        ({"limit": 4, "initialDelay": "0s"}, [0, 0, 0, 0]),
        ({"limit": 4, "initialDelay": "3s", "scalingFactor": 1}, [3, 3, 3, 3]),
        ({"limit": 4, "maxDelay": "2s"}, [1, 2, 2, 2]),
        ({"limit": 4, "maxDelay": "10ms"}, [0.01, 0.01, 0.01, 0.01]),
    ],
)
def test_a_retry_waits_as_it_is_told_and_else_a_second_that_doubles(
    retry: dict[str, Any], seconds: list[float]
) -> None:
    policy = planned(retry)
    assert [policy.delay(n, 1) for n in range(4)] == [timedelta(seconds=s) for s in seconds]
