"""The webhooks of a sub-job, whose addresses are evaluated with what its parent knows."""

from datetime import UTC, datetime

import pytest

from shared.lifecycle import TaskPlanFailed
from shared.planning.planner import Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition

HOST = "subjob.webhooks[0].url: must have a valid host name or IP address"
REFUSED = "subjob.webhooks[0].url: must be an http or https URL"


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://x", None), ("", None), ("ftp://x", REFUSED), ("a b", REFUSED), ("http://a..b", HOST)],
)
def test_an_address_that_can_never_be_called_fails_the_task(url: str, error: str | None) -> None:
    webhooks = [{"url": "{{ inputs.url }}"}]
    task = task_definition({"subjob": {"name": "s", "tasks": [{}], "webhooks": webhooks}})
    inputs = {"url": url}
    job = JobSource(job_id="j", name="j", inputs=inputs, sealed=None, defaults=None, output=None)
    source = TaskSource(job=job, position=1, task=task, task_id="t", scope=None)
    answer = Planner(Sealer([generate_key()])).plan(source, {}, {}, datetime.now(UTC))
    assert (answer.error if isinstance(answer, TaskPlanFailed) else None) == error
