"""What expressions of a job read: single inputs are texts, what is not there an empty one."""

from datetime import UTC, datetime

import pytest

from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import OutputEvaluated, TaskPlanned, TaskSkipped
from shared.planning.new_job import UnsavedJob
from shared.planning.planner import Planner
from shared.planning.submission import new_job
from shared.planning.templates import TaskSource, unsaved_job_source
from shared.process.sealing import Sealer

_NOW = datetime.now(UTC)
_JOB = """
name: x
inputs: {run: true, n: 5, version: 1.10, prefix: , list: [1.10, {a: 2}]}
secrets: {token: abc}
tasks:
  - name: t
    if: "%s"
output: "%s"
"""


def _planner_and_source(condition: str = "true", output: str = "") -> tuple[Planner, TaskSource]:
    spec = parse_job((_JOB % (condition, output)).encode(), "text/yaml")
    new = new_job(compile_job(spec), "j", _NOW)
    job = unsaved_job_source(UnsavedJob(new, None, None))
    planner = Planner(Sealer())
    return planner, TaskSource(job=job, position=1, task=new.definition.tasks[0], task_id="t")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("[{{ inputs.prefix }}{{ tasks.res }}{{ inputs.missing }}]", "[]"),
        ("{{ job.nope }}", ""),
        ("{{ len(inputs.missing) }}", "0"),
        ("{{ inputs.missing + 'x' }}", "x"),
        ("{{ inputs.n + '0' }}", "50"),
        ("{{ inputs.version }} {{ inputs.n }} {{ inputs.run }}", "1.10 5 true"),
        ("{{ inputs.list[1].a + 1 }}", "3"),
        ("{{ inputs.list[1].nope }}", "<nil>"),
        ("{{ inputs.missing ?? 'd' }}", ""),
        ("{{ tasks.made | upper() }}", "OUT"),
    ],
)
def test_a_template_is_evaluated_as_in_tork(template: str, text: str) -> None:
    planner, source = _planner_and_source(output=template)
    evaluated = planner.output(source.job, {"made": "out"}, {"token": "abc"})
    assert isinstance(evaluated, OutputEvaluated)
    assert evaluated.result == text


@pytest.mark.parametrize(
    "condition",
    [
        "{{ inputs.run == 'true' }}",
        "{{ inputs.run }}",
        "{{ inputs.n == '5' }}",
        "{{ inputs.n in ['5'] }}",
        "{{ tasks.res == '' }}",
        "{{ inputs.nosuch == '' }}",
        "{{ secrets.nope == '' and job.nope == '' }}",
    ],
)
def test_a_task_runs_whose_condition_is_true_in_tork(condition: str) -> None:
    planner, source = _planner_and_source(condition)
    assert isinstance(planner.plan(source, {}, {"token": "abc"}, _NOW), TaskPlanned)


def test_a_task_is_skipped_whose_condition_is_false_in_tork() -> None:
    planner, source = _planner_and_source("{{ inputs.missing == nil }}")
    assert isinstance(planner.plan(source, {}, {}, _NOW), TaskSkipped)
