"""The job files under examples/: all of them can be submitted, and the table names all."""

import re
from pathlib import Path

import pytest

from shared.expressions import evaluate
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec, SubmittedJob, TaskEntry
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))
OF_SOME_MACHINES = {"gpus", "privileged", "networks", "registry"}


def example(path: Path) -> SubmittedJob:
    parse = parse_scheduled_job if path.stem == "schedule" else parse_job
    return parse(path.read_bytes(), "text/yaml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_says_what_it_shows_and_can_be_submitted(path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert example(path).tasks


def test_the_table_names_every_example_and_no_other() -> None:
    named = re.findall(r"\]\(([^)]+\.yaml)\)", (FOLDER / "README.md").read_text())
    assert sorted(named) == [path.name for path in FILES]


def test_the_examples_use_every_field_of_the_language() -> None:
    used: set[str] = set()
    for path in FILES:
        used |= fields_in(example(path).as_submitted())
    known = {
        field.alias or name
        for model in (JobSpec, ScheduledJobSpec, TaskEntry)
        for name, field in model.model_fields.items()
    }
    assert known - used == OF_SOME_MACHINES | {"cmd", "entrypoint", "workdir"}


def fields_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(fields_in, value.values()))
    return set[str]().union(*map(fields_in, value)) if isinstance(value, list) else set()


def test_the_numbers_of_the_inputs_example_are_numbers() -> None:
    inputs = example(FOLDER / "inputs-json.yaml").inputs
    assert evaluate("filter(inputs.videos, .minutes > 20)[0].file", {"inputs": inputs}) == "two.mp4"
