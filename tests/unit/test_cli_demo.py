"""The job of the demo: which image its tasks get."""

import pytest
import yaml

from cli.demo.command import EXAMPLE, wants_image, with_image


def test_with_an_engine_every_task_without_an_image_gets_one() -> None:
    text = "name: x\ntasks: [{name: a, run: ls}, {name: b, image: mine, run: ls}]"
    assert wants_image(text)
    tasks = yaml.safe_load(with_image(text, "busybox"))["tasks"]
    assert [task["image"] for task in tasks] == ["busybox", "mine"]
    assert not wants_image(with_image(text, "busybox"))


@pytest.mark.parametrize("text", ["", "[1", "name: x", "tasks: 3", "tasks: [3]", "- a"])
def test_what_is_not_a_job_is_left_for_the_api_to_refuse(text: str) -> None:
    assert not wants_image(text)


def test_the_example_names_no_image_so_that_it_runs_everywhere() -> None:
    assert all("image" not in task for task in yaml.safe_load(EXAMPLE.read_text())["tasks"])
