"""An image that comes to nothing is an error: the task runs nowhere else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.worker.definition import Definitions
from services.worker.settings import WorkSettings
from shared.lifecycle import TaskPlanFailed, TaskPlanned, TaskSkipped
from shared.messages import RunTask
from shared.planning.planner import Answer, Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition

EMPTY = "{{ inputs.image }}"


def planned(**task: Any) -> Answer:
    job = JobSource(
        job_id="j", name="j", inputs={"image": " "}, sealed=None, defaults=None, output=None
    )
    definition = task_definition({"run": "true", **task})
    source = TaskSource(job=job, position=1, task=definition, task_id="t", scope=None)
    return Planner(Sealer([generate_key()])).plan(source, {}, {}, datetime.now(UTC))


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ({"image": EMPTY}, "image: the image is empty"),
        ({"image": " {{ '' }}"}, "image: the image is empty"),
        ({"image": "a:1", "pre": [{"image": EMPTY}]}, "pre[0].image: the image is empty"),
        ({"pre": [{"image": EMPTY}]}, "pre[0].image: the image is empty"),
        ({"post": [{"run": "x"}, {"image": EMPTY}]}, "post[1].image: the image is empty"),
        ({"sidecars": [{"image": EMPTY}]}, "sidecars[0].image: the image is empty"),
    ],
)
def test_a_task_whose_image_is_evaluated_to_nothing_fails(task: dict[str, Any], error: str) -> None:
    answer = planned(**task)
    assert isinstance(answer, TaskPlanFailed)
    assert answer.error == error


def test_a_task_that_is_skipped_may_have_an_empty_image() -> None:
    condition = "{{ trim(inputs.image) != '' }}"
    assert isinstance(planned(image=EMPTY, **{"if": condition}), TaskSkipped)


def test_a_task_without_an_image_is_no_task_with_an_empty_one() -> None:
    assert isinstance(planned(), TaskPlanned)


def test_a_worker_gives_an_empty_image_no_other_meaning() -> None:
    definition = {"image": "", "pre": [{"image": ""}], "post": [{}], "run": "true"}
    order = RunTask(job_id="j", task_id="t", dispatch=1, queue="q", definition=definition)
    spec = Definitions(WorkSettings(), Sealer(), "n1").read(order).spec
    assert (spec.image, spec.pre[0].program.image, spec.post[0].program.image) == ("", "", "")
