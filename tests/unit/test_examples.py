"""The job files under examples/: all of them can be submitted, and the table names all."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from jsonschema_rs import Validator, validator_for

from shared.expressions import evaluate
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec, SubmittedJob, TaskEntry
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job, parse_template
from shared.jobspec.tork.schema import job_schema, scheduled_job_schema, template_schema

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))
OF_SOME_MACHINES = {"gpus", "privileged", "networks", "registry", "publish", "wasm"}
UPLOADS = {"transcode-video": "uploads: {video: 1f3a}\n"}
"""What `conveyor submit --file` adds."""

SCHEMAS = {"schedule": "scheduled-job", "template": "template"}


class _Yaml12(yaml.SafeLoader):
    """As editors read: `on` is no boolean."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's protocol
        first: rules
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
        if first not in "oOyYnN"
    }


def example(path: Path) -> SubmittedJob:
    parse: Callable[[bytes, str], SubmittedJob] = parse_job
    if path.stem.startswith("schedule"):
        parse = parse_scheduled_job
    if path.stem.startswith("template"):
        parse = parse_template
    return parse((path.read_text() + UPLOADS.get(path.stem, "")).encode(), "text/yaml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_says_what_it_shows_and_can_be_submitted(path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert example(path).tasks


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_editor_finds_nothing_wrong_with_an_example(path: Path) -> None:
    kind = SCHEMAS.get(path.stem.partition("-")[0], "job")
    assert f"# yaml-language-server: $schema=http://127.0.0.1:8000/schema/{kind}.json\n" in (
        path.read_text()
    )
    _validator(kind).validate(yaml.load(path.read_text(), _Yaml12))


@cache  # to compile one takes a hundred times as long as to validate a job
def _validator(kind: str) -> Validator:
    made = {"job": job_schema, "scheduled-job": scheduled_job_schema, "template": template_schema}
    return validator_for(made[kind]())


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None},
        {"tasks": []},
        {"tasks": [{"run": "x"}]},
        {"tasks": {"a": {"run": "x"}}},
        {"depends_on": []},
        {"tasks": [{"name": "a", "environment": {}}]},
        {"tasks": [{"name": "a", "timeout": "soon"}]},
        {"tasks": [{"name": "a", "retry": {"limit": 99}}]},
        {"tasks": [{"name": "a", "priority": "5"}]},
        {"tasks": [{"name": "a", "each": {"list": []}}]},
        {"tasks": [{"name": "a", "parallel": {"tasks": [{"nam": "b"}]}}]},
        {"schedule": {"cron": "@daily"}},
    ],
)
def test_an_editor_finds_what_is_wrong(fields: dict[str, object]) -> None:
    job = {"name": "x", "tasks": [{"name": "a", "env": {"PORT": 8080}, "limits": {"cpus": 1}}]}
    validator = _validator("job")
    assert validator.is_valid(job)
    assert not validator.is_valid(job | fields)


def test_every_field_of_the_schema_has_a_description() -> None:
    schema = job_schema()
    for model in [schema, *schema["$defs"].values()]:
        for name, field in model.get("properties", {}).items():
            assert field.get("description"), name


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
