"""Jobs as a client would send them, and what is said when they are refused."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job

Json = dict[str, Any]


def submitted(job: Json) -> JobSpec:
    return parse_job(json.dumps(job).encode(), "application/json")


def scheduled(job: Json) -> ScheduledJobSpec:
    return parse_scheduled_job(json.dumps(job).encode(), "application/json")


def refusal(job: Json, submit: Callable[[Json], object] = submitted) -> str:
    """What is wrong, without the places: the body is one line that nobody has written."""
    with pytest.raises(InvalidJob) as caught:
        submit(job)
    return re.sub(r" \(line 1, column \d+\)", "", str(caught.value))


def with_task(**fields: Any) -> Json:
    return {"name": "x", "tasks": [{"name": "t", **fields}]}
