"""Tasks that end as others have, which did the same work."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.definition import Encoded, JobDefinition, encode
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job
from shared.lifecycle import (
    ChildEnded,
    Decision,
    EarlierEnd,
    JobState,
    PlannedTask,
    RunTask,
    SetVariable,
    TaskKey,
    TaskPlanned,
    TaskPosition,
    TaskReused,
    TaskState,
    decide,
)
from shared.planning.planner import Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.decided import NOW, a_job, decided, opened, told
from tests.support.jobs.definitions import task_definition

END = EarlierEnd(task_id="before", result="42", exit_code=0, kept_bytes=7)
PLAN = PlannedTask(name="a", queue="default", var="answer", fingerprint="f")


def test_a_reused_task_completes_at_once_and_costs_nothing() -> None:
    outcome = decide(a_job(task_count=1), None, TaskReused(TaskPosition("job", 1), PLAN, END), NOW)
    assert isinstance(outcome, Decision)
    [task] = outcome.new_tasks
    assert (task.state, task.result, task.exit_code) == (TaskState.COMPLETED, "42", 0)
    assert (task.reused_from, task.started_at, task.usage) == ("before", None, None)
    assert (outcome.job.state, outcome.job.kept_bytes) == (JobState.COMPLETED, 7)
    assert outcome.job.usage is None
    assert SetVariable("job", "answer", "42") in outcome.commands
    assert not any(isinstance(command, RunTask) for command in outcome.commands)


def test_a_reused_child_tells_its_parent_that_it_ended() -> None:
    job, _, outcome = opened(1)
    child = outcome.new_tasks[-1]
    event = TaskReused(TaskKey(child.job_id, child.id), PLAN, END)
    [end] = told(decided(decide(job, child, event, NOW)))
    assert isinstance(end, ChildEnded)
    assert (end.error, end.was_claimed) == (None, False)


def planned(inputs: dict[str, object], **fields: Any) -> PlannedTask:
    job = JobSource(job_id="j", name="j", inputs=inputs, sealed=None, defaults=None, output=None)
    task = task_definition({"name": "t", "run": "x", **fields})
    source = TaskSource(job=job, position=1, task=task, task_id="t")
    answer = Planner(SEALER).plan(source, {}, {}, datetime.now(UTC))
    assert isinstance(answer, TaskPlanned)
    return answer.planned.task


SEALER = Sealer([generate_key()])
ENV = {"SIZE": "{{ inputs.size }}"}


def test_what_a_task_comes_to_when_it_is_evaluated_is_its_fingerprint() -> None:
    first = planned({"size": "1", "other": "1"}, env=ENV, reuse=True).fingerprint
    same = {"name": "renamed", "var": "v", "queue": "highcpu", "retry": {"limit": 3}}
    assert first
    assert first == planned({"size": "1"}, env={"SIZE": "1"}, reuse=True, **same).fingerprint
    assert first != planned({"size": "2"}, env=ENV, reuse=True).fingerprint
    assert planned({"size": "1"}, env=ENV).fingerprint is None


def compiled(text: str) -> Encoded:
    return encode(compile_job(parse_job(text.encode(), "text/yaml")))


def test_a_job_says_for_all_of_its_tasks_that_they_may_be_reused() -> None:
    tasks = """
tasks:
- {name: a, run: x}
- {name: b, run: x, reuse: false}
- {name: c, each: {list: "[1]", task: {run: y}}}
- {name: d, parallel: {tasks: [{run: y}]}}
- {name: e, subjob: {name: s, tasks: [{name: f, run: y}]}}
- {name: g, partition: {split: {run: y}, task: {run: y}, assemble: {run: y}}}
"""
    plain, made = (json.dumps(compiled(f"name: j{more}{tasks}")) for more in ("", REUSE))
    assert (plain.count('"reuse": true'), made.count('"reuse": true')) == (0, 1 + 1 + 1 + 1 + 3)
    with pytest.raises(InvalidJob, match=r"tasks\[0\]\.reuse: can't be combined with each"):
        compiled('name: j\ntasks: [{name: a, reuse: true, each: {list: "[1]", task: {run: y}}}]')


def test_a_scheduled_job_says_so_for_its_tasks_and_each_run_is_a_job_of_its_own() -> None:
    def scheduled(reuse: str) -> JobDefinition:
        text = f"name: j\nschedule: {{interval: 1h}}\ntasks: [{{name: a, run: x}}]\nreuse: {reuse}"
        return compile_job(parse_scheduled_job(text.encode(), "text/yaml"))

    made = scheduled("{tasks: true}")
    assert (made.reuse, made.tasks[0].reuse) == (None, True)
    assert scheduled("{tasks: false}").tasks[0].reuse is None
    with pytest.raises(InvalidJob, match="reuse"):
        scheduled("true")
    with pytest.raises(InvalidJob, match=r"reuse\.scope"):
        scheduled("{tasks: true, scope: own}")


REUSE = "\nreuse: {tasks: true}"
