"""What a placed task and its executions become when they are planned."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.definition import TaskDefinition, decode_defaults
from shared.lifecycle import (
    PlacementType,
    Planned,
    Task,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskState,
)
from shared.planning.composites import child_task
from shared.planning.kept import submitted_task
from shared.planning.placed import UNLIMITED_RETRIES
from shared.planning.planner import Answer, Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition

_JOB = JobSource(
    job_id="j",
    name="j",
    inputs={"n": "3", "zone": "a", "memory": "1g", "braces": "{{ secrets.s }}", "none": ""},
    sealed=None,
    defaults=None,
    output=None,
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answered(task: TaskDefinition, job: JobSource = _JOB) -> Answer:
    source = TaskSource(job=job, position=1, task=task, task_id="t", scope={"item": {"value": "v"}})
    return Planner(Sealer([generate_key()])).plan(source, {}, {}, _NOW)


def planned(task: TaskDefinition, job: JobSource = _JOB) -> Planned:
    answer = answered(task, job)
    assert isinstance(answer, TaskPlanned)
    return answer.planned


def task(placement: dict[str, Any], **fields: Any) -> TaskDefinition:
    return task_definition({"name": "t", "run": "true", "placement": placement, **fields})


def both(definition: TaskDefinition, index: int = 0, job: JobSource = _JOB) -> tuple[Any, Any]:
    """The plans of the placed task and of its execution at `index`."""
    parent = planned(definition, job).task
    row = Task(
        id="t", job_id="j", position=1, plan=parent, state=TaskState.RUNNING, created_at=_NOW
    )
    submitted = submitted_task(row, Sealer([generate_key()]))
    return parent, planned(child_task(submitted, replace(row, child_index=index)), job).task


def test_a_placed_task_is_made_of_executions_that_are_evaluated_one_by_one() -> None:
    definition = task(
        {"count": "{{ inputs.n }}", "constraints": ["zone = {{ inputs.zone }}"], "priority": 7},
        env={"ITEM": "{{ item.value }}"},
        var="parts",
        queueTimeout="5m",
        allowFailure=True,
    )
    made = planned(definition)
    assert made.offspring is not None
    assert made.offspring.scopes == [{"item": {"value": "v"}}] * 3
    parent, child = both(definition, 2)
    assert (parent.kind, parent.queue, parent.var) == (TaskKind.PLACED, "", "parts")
    assert (child.kind, child.queue, child.var) == (TaskKind.TASK, "", None)
    assert (parent.allow_failure, child.allow_failure) == (True, False)
    assert parent.definition["env"] == {"ITEM": "{{ item.value }}"}
    assert child.definition["env"] == {"ITEM": "v"}
    assert "placement" not in child.definition
    assert child.definition["execution"] == {"type": "batch", "index": 2, "count": 3}
    for plan in (parent, child):
        assert (plan.placement.type, plan.placement.priority) == (PlacementType.BATCH, 7)
        assert plan.placement.demand["constraints"] == [["zone", "=", ["a"]]]
        assert plan.queue_timeout == timedelta(minutes=5)


def test_each_task_of_a_placed_spawn_is_an_execution_with_defaults_and_wishes_of_its_own() -> None:
    placement = {"maxNodes": 2, "minNodes": 2, "constraints": ["zone = {{ item.value.zone }}"]}
    spawned = {"run": "true", "placement": placement}
    whole = planned(task_definition({"name": "t", "spawn": {"task": spawned}}))
    assert (whole.task.kind, whole.task.placement) == (TaskKind.SPAWN, None)
    row = Task(
        id="t", job_id="j", position=1, plan=whole.task, state=TaskState.RUNNING, created_at=_NOW
    )
    submitted = submitted_task(row, Sealer([generate_key()]))
    definition = child_task(submitted, replace(row, child_index=3, sequence=1))
    defaults = decode_defaults({"queue": "other", "timeout": {"seconds": 60, "text": "1m"}})
    item = {"index": "3", "sequence": "1", "value": {"zone": "a"}, "creator": "0"}
    source = TaskSource(
        job=replace(_JOB, defaults=defaults),
        position=1,
        task=definition,
        task_id="c",
        scope={"item": item},
    )
    answer = Planner(Sealer([generate_key()])).plan(source, {}, {}, _NOW)
    assert isinstance(answer, TaskPlanned)
    child = answer.planned.task
    assert child.is_in_gang
    assert (child.kind, child.queue, child.timeout) == (TaskKind.TASK, "", timedelta(minutes=1))
    assert child.placement is not None
    assert child.placement.demand["constraints"] == [["zone", "=", ["a"]]]
    assert (child.placement.demand["max_nodes"], child.resources) == (2, {})
    assert "queue" not in child.definition
    assert child.definition["execution"] == {"type": "batch", "index": 0, "count": 1}
    assert (child.retry.limit, child.retry.on) == (2, frozenset({"111", "lost"}))


@pytest.mark.parametrize("kind", ["ops", "daemon"])
def test_what_runs_on_every_node_gets_its_executions_with_the_nodes(kind: str) -> None:
    made = planned(task({"type": kind}))
    assert made.offspring is not None
    assert made.offspring.scopes == []
    _, child = both(task({"type": kind}), 5)
    assert child.definition["execution"] == {"type": kind, "index": 0, "count": 1}


def test_an_execution_has_its_resources_as_its_limits_and_holds_them() -> None:
    resources = {"cpu": "1.5", "memory": "{{ inputs.memory }}", "disk": "2g", "gpu": 1}
    parent, child = both(task({"resources": resources}))
    assert parent.resources is None
    assert child.resources == {
        "millicpus": 1500,
        "memory": 1 << 30,
        "disk": 2 << 30,
        "gpus": 1,
    }
    assert child.definition["placement"]["resources"]["gpus"] == 1
    assert child.definition["limits"] == {
        "cpus": {"value": 1.5, "text": "1.5"},
        "memory": {"value": 1 << 30, "text": "1g"},
    }
    _, limited = both(task({"resources": resources}, limits={"cpus": "1"}))
    assert limited.definition["limits"] == {"cpus": {"value": 1, "text": "1"}}


def test_a_task_of_a_queue_holds_its_limits_and_gpus() -> None:
    limited = {"name": "t", "run": "x", "limits": {"cpus": "2", "memory": "1g"}, "gpus": "2"}
    plan = planned(task_definition(limited)).task
    assert plan.resources == {"millicpus": 2000, "memory": 1 << 30, "gpus": 2}
    assert planned(task_definition({"name": "t", "run": "x"})).task.resources is None


@pytest.mark.parametrize(
    ("kind", "retry", "limit", "delays", "reset"),
    [
        ("service", None, UNLIMITED_RETRIES, [1, 2, 300], 600),
        ("daemon", None, UNLIMITED_RETRIES, [1, 2, 300], 600),
        ("service", {"limit": 2}, 2, [1, 2, 3600], None),
        ("ops", None, 0, [1, 2, 3600], None),
        ("batch", None, 0, [1, 2, 3600], None),
        ("ops", {"limit": 1, "resetAfter": "1m"}, 1, [1, 2, 3600], 60),
    ],
)
def test_retries_depend_on_the_type(
    kind: str, retry: Any, limit: int, delays: list[int], reset: int | None
) -> None:
    parent, child = both(task({"type": kind}, **({"retry": retry} if retry else {})))
    assert parent.retry.limit == 0
    assert child.retry.limit == limit
    waits = [child.retry.delay(n, 1).total_seconds() for n in (0, 1, 40)]
    assert waits == delays
    assert child.retry.reset_after == (None if reset is None else timedelta(seconds=reset))


@pytest.mark.parametrize(("kind", "is_for_it"), [("batch", True), ("service", False)])
def test_what_is_kept_running_takes_no_retry_and_no_time_out_of_the_job(
    kind: str, is_for_it: bool
) -> None:
    defaults = {
        "retry": {"limit": 1},
        "timeout": {"seconds": 60, "text": "1m"},
        "queue": "other",
        "limits": {"cpus": {"value": 2, "text": "2"}},
        "priority": 3,
    }
    parent, child = both(
        task({"type": kind}), job=replace(_JOB, defaults=decode_defaults(defaults))
    )
    assert (child.retry.limit == 1) is is_for_it
    assert child.timeout == (timedelta(minutes=1) if is_for_it else None)
    assert (parent.timeout, child.queue, child.priority) == (None, "", 3)
    assert child.resources == {"millicpus": 2000}
    assert child.placement.priority == 3
    of_resources = task({"resources": {"memory": "1g"}})
    _, child = both(of_resources, job=replace(_JOB, defaults=decode_defaults(defaults)))
    assert child.resources == {"memory": 1 << 30}


def test_a_name_with_braces_is_evaluated_once() -> None:
    parent, child = both(task({}, name="{{ inputs.braces }}"))
    assert parent.name == child.name == "{{ secrets.s }}"


def test_an_update_policy_reaches_the_core() -> None:
    parent, _ = both(task({"update": {"maxUnavailable": 2, "healthyAfter": "30s"}}))
    assert parent.placement.max_unavailable == 2
    assert parent.placement.healthy_after == timedelta(seconds=30)
    parent, _ = both(task({}))
    assert parent.placement.healthy_after == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (
            {"count": "{{ inputs.none }}"},
            "placement.count: must give a whole number from 0 to 10,000",
        ),
        ({"count": "{{ 10001 }}"}, "placement.count: must give a whole number from 0 to 10,000"),
        ({"count": "{{ -1 }}"}, "placement.count: must give a whole number from 0 to 10,000"),
        (
            {"constraints": ["a = {{ 'x y' }}"]},
            "placement.constraints[0].values[0]: label value 'x y'",
        ),
        ({"constraints": ["a gt {{ 'x' }}"]}, "placement.constraints[0].values[0]: value 'x' must"),
        ({"resources": {"memory": "{{ 'x' }}"}}, "placement.resources.memory: must be an amount"),
        ({"resources": {"gpu": "{{ 'x' }}"}}, "placement.resources.gpus: must give a whole number"),
    ],
)
def test_what_breaks_a_rule_once_it_is_evaluated_fails_the_task(
    fields: dict[str, Any], error: str
) -> None:
    answer = answered(task(fields))
    assert isinstance(answer, TaskPlanFailed)
    assert answer.error.startswith(error)
    assert answer.plan.kind is TaskKind.PLACED
