"""Jobs of Bacalhau as templates: what their texts read, and the jobs that they make."""

from typing import Any

import pytest

from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau.normal import TypeDefaults
from shared.jobspec.bacalhau.templates import BacalhauTemplate, job_of_document, parse_template
from shared.jobspec.problems import InvalidJob
from shared.jobspec.template_values import Given, values_of

NOTHING = Given({}, {}, {})
TEXT = """
template:
  name: thumbs
  version: "1.0"
  inputs:
    width: {type: integer, default: 160, minimum: 16}
    copies: {type: integer, maximum: 9}
    args: {type: array, default: [-x, 1]}
    cpu: {type: number, default: 1.5}
    note: {required: false}
Name: resize-{{ inputs.width }}
Type: batch
Count: "{{ inputs.copies }}"
Tasks:
  - Name: main
    Engine:
      Type: docker
      Params:
        Image: resize:1.10
        Parameters: "{{ inputs.args }}"
    Env: {WIDTH: "{{ inputs.width }}", FORMAT: "{{.Names}}", NOTE: "{{ inputs.note }}", PORT: 8080}
    Resources: {CPU: "{{ inputs.cpu }}"}
"""


def parsed(text: str = TEXT, **defaults: Any) -> BacalhauTemplate:
    of_type = {"batch": TypeDefaults(**defaults)}
    found = parse_template(text.encode(), "text/yaml", of_type)
    assert found is not None
    return found


def made(template: BacalhauTemplate, **inputs: Any) -> m.Job:
    schema = template.head.json_schema()
    return job_of_document(template.document, values_of(schema, Given(inputs, {}, {}), NOTHING))


def refused(text: str) -> list[str]:
    with pytest.raises(InvalidJob) as error:
        parsed(text)
    return [str(problem) for problem in error.value.problems]


def test_a_job_has_its_inputs_where_a_text_a_number_or_a_list_is_due() -> None:
    job = made(parsed(), copies=3, width="0320")
    assert (job.name, job.count) == ("resize-0320", 3)
    assert job.task.engine.params == {"Image": "resize:1.10", "Parameters": ["-x", "1"]}
    assert job.task.env == {"WIDTH": "0320", "FORMAT": "{{.Names}}", "PORT": "8080"}
    assert job.task.resources.cpu == "1.5"


def test_what_a_job_does_not_say_is_as_it_was_when_its_template_was_pushed() -> None:
    job = made(parsed(memory="2Gb", priority=4), copies=1)
    assert (job.priority, job.task.resources.memory) == (4, "2gb")


def test_a_template_tells_at_once_what_no_input_can_mend() -> None:
    assert refused(TEXT.replace("inputs.note", "inputs.nte")) == [
        "Tasks[0].Env.NOTE: the template has no input 'nte', did you mean 'note'? "
        "(line 21, column 68)"
    ]
    assert "unknown type 'dcoker'" in refused(TEXT.replace("Type: docker", "Type: dcoker"))[0]
    literal = TEXT.replace("Type: batch", 'Type: "{{ inputs.note }}"')
    assert [
        one.partition(" (")[0]
        for one in refused(literal.replace("{required: f", "{type: file, required: f"))
    ] == [
        "template.inputs.note.type: a job of Bacalhau has neither uploads nor secrets",
        "Type: can't read inputs: it is the same for all jobs of a template",
    ]


def test_a_rule_that_an_input_breaks_is_told_when_a_job_is_made() -> None:
    template = parsed(TEXT.replace("maximum: 9", "maximum: 90000000"))
    with pytest.raises(InvalidJob) as error:
        made(template, copies=80_000_000)
    assert error.value.problems[0].field == "Count"


def test_a_job_of_ours_is_none_of_bacalhau() -> None:
    text = b"template: {name: a, version: '1.0'}\ntasks: [{name: a, run: 'true'}]\n"
    assert parse_template(text, "text/yaml") is None
