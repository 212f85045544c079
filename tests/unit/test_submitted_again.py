"""What is stored of a job reads as a submission again: an edit changes some of its fields."""

from typing import Any

import pytest

from services.coordinator.api.tork.definitions import submitted_job
from shared.definition import decode_job, encode
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.models import JobSpec
from tests.unit.test_examples import FILES, example

EVERYTHING: dict[str, Any] = {
    "name": "all",
    "secrets": {"key": "hunter22"},
    "inputs": {"PASSWORD": "in clear", "list": [1, {"a": None}]},
    "webhooks": [{"url": "http://hooks.test/x", "headers": {"Authorization": "Bearer abc"}}],
    "tasks": [
        {
            "name": "t",
            "image": "i",
            "env": {"ACCESS_KEY": "abc"},
            "registry": {"username": "me", "password": "tropical"},
            "sidecars": [{"name": "s", "image": "i", "probe": {"port": 80, "timeout": "5s"}}],
            "retry": {"limit": 2, "initialDelay": "1s", "on": ["lost"]},
            "if": "{{ inputs.list != [] }}",
        },
        {
            "name": "sub",
            "subjob": {
                "name": "deep",
                "secrets": {"deep": "underwater"},
                "tasks": [
                    {"name": "p", "parallel": {"minSuccess": "50%", "tasks": [{"name": "x"}]}}
                ],
                "autoDelete": {"after": "1h"},
            },
        },
    ],
}


def assert_reads_again(spec: Any) -> None:
    stored = encode(compile_job(spec))
    again = JobSpec.model_validate(submitted_job(stored))
    assert encode(compile_job(again)) == stored
    assert compile_job(again) == decode_job(stored)


def test_a_stored_job_reads_as_the_submission_that_it_was() -> None:
    assert_reads_again(JobSpec.model_validate(EVERYTHING))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_so_does_each_example(path: Any) -> None:
    assert_reads_again(example(path))
