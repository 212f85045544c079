"""The operator's maximum for the limits of tasks."""

import pytest

from conveyor.extensions.tasks import TaskSpec
from services.worker.definition import Definitions
from services.worker.settings import WorkSettings
from shared.definition import encode
from shared.messages import RunTask
from shared.process.sealing import Sealer
from tests.support.jobs.definitions import task_definition


def read(limits: dict[str, str], **settings: str) -> TaskSpec:
    encoded = encode(task_definition({"image": "i", "limits": limits}))
    order = RunTask(job_id="j", task_id="t", dispatch=1, queue="q", definition=encoded)
    return Definitions(WorkSettings.model_validate(settings), Sealer(), "n1").read(order).spec


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"memory": "64g"}, "limits.memory: 64g is more than this worker allows, 2g"),
        ({"cpus": "3"}, "limits.cpus: 3 is more than this worker allows, 2"),
    ],
)
def test_a_limit_over_the_workers_maximum_fails_the_task(
    limits: dict[str, str], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        read(limits, max_memory="2g", max_cpus="2")


def test_a_task_without_limits_has_the_default_or_else_the_maximum() -> None:
    spec = read({}, max_memory="2g", max_cpus="2", default_cpus="1")
    assert (spec.memory_bytes, spec.cpus) == (2 * 1024**3, 1)
    assert read({"memory": "2g"}, max_memory="2g").memory_bytes == 2 * 1024**3
