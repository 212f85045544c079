"""Tasks that end as others have, which did the same work."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.coordinator.api.tork.schemas.reuse import TaskReuseMiss
from services.coordinator.api.tork.task_reuse import shown_miss
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
from shared.planning.task_reuse import Miss, difference_to, miss_of, why_not_kept
from shared.planning.templates import JobSource, TaskSource
from shared.process.redaction import Redactor
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


def told_near(then: dict[str, object], **fields: Any) -> Mapping[str, object]:
    """Of a task with the input `size` 2, beside one that had `then`."""
    now = planned({"size": "2"}, env=ENV, reuse=True, **fields)
    before = planned(then, env=ENV, reuse=True, **fields)
    return difference_to(dict(now.definition), "before", dict(before.definition))


def test_what_runs_says_where_it_differs_from_the_task_at_its_place() -> None:
    miss = {"reason": "different", "task_id": "before", "differences": ["env.SIZE"], "count": 1}
    assert told_near({"size": "1"}) == miss
    many = {"run": "{{ inputs.size }}", "sidecars": [{"name": "s", "image": "i", "env": ENV}]}
    assert told_near({"size": "2"}, queue="q", **many)["count"] == 0


def test_a_url_that_is_kept_sealed_is_no_difference() -> None:
    source = {"target": "/in", "url": "https://example.org/{{ inputs.size }}"}
    assert told_near({"size": "2"}, sources=[source])["differences"] == []


def test_why_a_job_does_not_take_the_files_of_an_earlier_task() -> None:
    job = replace(a_job(), kept_bytes=5)
    assert why_not_kept(job, 5, 10) is None
    assert why_not_kept(job, 6, 10) is Miss.SPACE
    assert why_not_kept(replace(job, restarts=1), 5, None) is Miss.RESTARTED
    assert why_not_kept(replace(job, restarts=1), 0, None) is Miss.RESTARTED  # an empty file
    assert why_not_kept(replace(job, restarts=1), None, None) is None


@pytest.mark.parametrize(
    ("miss", "message"),
    [
        (miss_of(Miss.NEW), "no task of the same owner completed this work before"),
        (miss_of(Miss.IMAGE, "before"), "the name of its image refers to another image now"),
        (
            {**miss_of(Miss.DIFFERENT, "before"), "differences": ["env.B", "run"], "count": 7},
            "the nearest task differs in env.B, run and 5 more",
        ),
        (
            {**miss_of(Miss.DIFFERENT, "before"), "differences": [], "count": 0},
            "the nearest task differs in what is secret",
        ),
    ],
)
def test_why_a_task_runs_is_shown_in_words(miss: Mapping[str, object], message: str) -> None:
    assert shown_miss(miss, Redactor())["message"] == message


def test_there_are_words_for_each_reason() -> None:
    for reason in Miss:
        assert TaskReuseMiss.model_validate(shown_miss(miss_of(reason), Redactor()))
