"""Tasks made of others: parallel, each and subjob, to any depth."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import TaskEntry
from tests.support.jobs.submissions import Json, refusal, submitted, with_task

PARALLEL: Json = {"tasks": [{"run": "a"}, {"name": "b", "run": "b"}], "minSuccess": 1}
EACH: Json = {
    "list": "{{ sequence(1, 5) }}",
    "task": {"name": "n{{ it.index }}", "run": "a", "env": {"V": "{{ it.value }}"}},
    "var": "it",
    "concurrency": 99_999,
    "minSuccess": "80%",
}
SUBJOB: Json = {
    "name": "{{ inputs.name }}",
    "description": "d {{ inputs.name }}",
    "tags": ["t"],
    "tasks": [{"run": "a"}, {"name": "b", "needs": []}],
    "inputs": {"n": "1", "text": "{{ inputs.n }}", "deep": {"a": [None, "{{ not evaluated"]}},
    "secrets": {"s": "{{ secrets.s }}"},
    "output": "tasks.b",
    "defaults": {"timeout": "5m"},
    "detached": False,
    "webhooks": [{"url": "{{ inputs.hook }}/done", "headers": {"a": "{{ inputs.n }}"}}],
    "autoDelete": {"after": "1h"},
    "timeout": "2h",
}
SPAWN: Json = {
    "task": {"name": "n{{ item.index }}", "run": "a", "env": {"V": "{{ item.value.v }}"}},
    "concurrency": 2,
    "barrier": False,
    "maxTasks": 100_000,
    "explicitSuccess": True,
}
ONE = {"parallel": PARALLEL, "each": EACH, "spawn": SPAWN, "subjob": SUBJOB}


@pytest.mark.parametrize(("kind", "made_of"), ONE.items())
def test_what_a_task_is_made_of_is_kept_as_it_was_submitted(kind: str, made_of: Json) -> None:
    job = with_task(**{kind: made_of, "if": "true", "var": "v", "allowFailure": True})
    assert submitted(job).as_submitted() == job


@pytest.mark.parametrize("list_", [[], [1, "a", None, {"a": None}], "[]", "inputs.a", "5+5"])
def test_a_list_may_stand_there_or_be_an_expression(list_: Any) -> None:
    job = with_task(each={"list": list_, "task": {}})
    assert submitted(job).as_submitted() == job


@pytest.mark.parametrize(
    "other",
    [("parallel", "each"), ("parallel", "subjob"), ("each", "subjob")],
)
def test_a_task_is_made_of_one_thing(other: tuple[str, str]) -> None:
    first, second = other
    assert refusal(with_task(**{kind: ONE[kind] for kind in other})) == (
        f"tasks[0].{second}: can't be combined with {first}: "
        "a task has one of parallel, each, spawn, subjob and partition"
    )


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "a"),
        ("cmd", ["a"]),
        ("entrypoint", ["a"]),
        ("run", "a"),
        ("env", {"A": "b"}),
        ("queue", "q"),
        ("pre", [{"run": "a"}]),
        ("post", [{"run": "a"}]),
        ("sidecars", [{"run": "a"}]),
        ("mounts", [{"type": "volume", "target": "/a"}]),
        ("retry", {"limit": 1}),
        ("limits", {"cpus": "1"}),
        ("timeout", "1m"),
        ("queueTimeout", "1m"),
        ("privileged", True),
    ],
)
def test_a_task_made_of_others_runs_nothing_itself(kind: str, field: str, value: Any) -> None:
    message = refusal(with_task(**{kind: ONE[kind], field: value}))
    assert message == f"tasks[0].{field}: can't be combined with {kind}"


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize(
    "fields",
    [{"networks": ["n"]}, {"files": {"a": "b"}}, {"cmd": []}, {"priority": 5}, {"gpus": "all"}],
)
def test_what_tork_passes_over_beside_them_is_accepted(kind: str, fields: Json) -> None:
    assert submitted(with_task(**{kind: ONE[kind]}, **fields)).tasks[0].name == "t"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"parallel": {}}, "tasks[0].parallel.tasks: is required"),
        ({"parallel": {"tasks": []}}, "tasks[0].parallel.tasks: must have at least 1 entry"),
        (
            {"parallel": {"tasks": [{"nam": "x"}]}},
            "tasks[0].parallel.tasks[0].nam: unknown field, did you mean 'name'?",
        ),
        (
            {"parallel": {"tasks": [{"needs": ["t"]}]}},
            "tasks[0].parallel.tasks[0].needs: is only for the tasks of a job or sub-job",
        ),
        (
            {"parallel": {"tasks": [{}], "minSuccess": 2}},
            "tasks[0].parallel.minSuccess: 2 is not allowed: "
            "must be at most the number of tasks, 1",
        ),
        (
            {"each": {"list": [1, 2], "task": {}, "maxFailed": 3}},
            "tasks[0].each.maxFailed: 3 is not allowed: must be at most the number of tasks, 2",
        ),
        (
            {"each": {"list": [], "task": {}, "maxFailed": "5%", "minSuccess": "95%"}},
            "tasks[0].each.maxFailed: can't be combined with minSuccess: "
            "both say how many may fail",
        ),
        (
            {"parallel": {"tasks": [{}], "maxFailed": -1}},
            "tasks[0].parallel.maxFailed: -1 is not allowed: "
            "must be a whole number of at least 0, or a share from '1%' to '100%'",
        ),
        (
            {"parallel": {"tasks": [{}], "onFailure": "go on"}},
            "tasks[0].parallel.onFailure: \"go on\" is not allowed: must be 'stop' or 'finish'",
        ),
        ({"each": {"task": {}}}, "tasks[0].each.list: is required"),
        ({"each": {"list": "", "task": {}}}, "tasks[0].each.list: is required"),
        ({"each": {"list": []}}, "tasks[0].each.task: is required"),
        (
            {"each": {"list": 5, "task": {}}},
            "tasks[0].each.list: 5 is not allowed: must be an expression or a list",
        ),
        (
            {"each": {"list": {"a": 1}, "task": {}}},
            "tasks[0].each.list: must be an expression or a list",
        ),
        (
            {"each": {"list": [1, 2], "task": {}, "minSuccess": 3}},
            "tasks[0].each.minSuccess: 3 is not allowed: must be at most the number of tasks, 2",
        ),
        (
            {"each": {"list": [], "task": {}, "concurrency": 100_000}},
            "tasks[0].each.concurrency: 100000 is not allowed: must be at most 99999",
        ),
        (
            {"each": {"list": [], "task": {}, "concurrency": -1}},
            "tasks[0].each.concurrency: -1 is not allowed: must be at least 0",
        ),
        (
            {"each": {"list": [], "task": {}, "var": "v" * 65}},
            f'tasks[0].each.var: "{"v" * 58}… is not allowed: must have at most 64 characters',
        ),
        ({"subjob": {"tasks": [{}]}}, "tasks[0].subjob.name: is required"),
        ({"subjob": {"name": "s"}}, "tasks[0].subjob.tasks: is required"),
        (
            {"subjob": {"name": "s", "tasks": []}},
            "tasks[0].subjob.tasks: must have at least 1 entry",
        ),
        (
            {"subjob": {"name": "s", "tasks": [{}], "wait": {"timeout": "1s"}}},
            "tasks[0].subjob.wait: is only for POST /jobs: see `detached`",
        ),
        (
            {"subjob": {"name": "s", "tasks": [{"each": {"list": [], "task": {"timeout": 5}}}]}},
            "tasks[0].subjob.tasks[0].each.task.timeout: 5 is not allowed: must be text",
        ),
        (
            {"subjob": {"name": "s", "tasks": [{}], "webhooks": [{"url": "ftp://x"}]}},
            'tasks[0].subjob.webhooks[0].url: "ftp://x" is not allowed: '
            "must be an http or https URL",
        ),
        (
            {"subjob": {"name": "s", "tasks": [{}], "secrets": {"conveyor.a": "b"}}},
            "tasks[0].subjob.secrets.conveyor.a: must not start with 'conveyor.'",
        ),
    ],
)
def test_a_broken_rule_names_the_field_however_deep(task: Json, message: str) -> None:
    assert refusal(with_task(**task)) == message


@pytest.mark.parametrize("share", [0, -1, True, 1.5, "0%", "101%", "080%", "5 %", "%", "five", []])
def test_a_share_that_must_succeed_is_a_count_or_a_percentage(share: Any) -> None:
    message = refusal(with_task(parallel={"tasks": [{}], "minSuccess": share}))
    assert message.startswith("tasks[0].parallel.minSuccess: ")
    assert message.endswith("must be a whole number of at least 1, or a share from '1%' to '100%'")


@pytest.mark.parametrize("share", [1, "1%", "50%", "100%"])
def test_a_share_is_kept_as_it_was_submitted(share: Any) -> None:
    job = with_task(parallel={"tasks": [{}], "minSuccess": share})
    assert submitted(job).as_submitted() == job


def in_parallel(task: Json) -> Json:
    return {"parallel": {"tasks": [task]}}


def in_each(task: Json) -> Json:
    return {"each": {"list": "[1]", "task": task}}


def in_subjob(task: Json) -> Json:
    return {"subjob": {"name": "s", "tasks": [task]}}


Wrapper = Callable[[Json], Json]
WRAPPERS: list[Wrapper] = [in_parallel, in_each, in_subjob]


def nested(wrappers: list[Wrapper]) -> Json:
    task: Json = {"run": "x", "env": {"A": "b"}}
    for wrap in wrappers:
        task = wrap(task)
    return with_task(**task)


@pytest.mark.parametrize(("wrap", "depth"), [(in_parallel, 65), (in_each, 98), (in_subjob, 65)])
def test_tasks_may_be_nested_deep_but_not_without_end(wrap: Wrapper, depth: int) -> None:
    job = nested([wrap] * depth)
    assert submitted(job).as_submitted() == job
    assert "nested too deep: at most 200 mappings and lists" in refusal(
        nested([wrap] * (depth + 1))
    )
    assert "nested too deep: at most 200 mappings and lists" in refusal(nested([wrap] * 150))


@given(st.lists(st.sampled_from(WRAPPERS), max_size=20))
def test_any_nesting_of_tasks_reads_back_the_same(wrappers: list[Wrapper]) -> None:
    job = nested(wrappers)
    assert submitted(job).as_submitted() == job


_names = st.sampled_from(
    ["name", "needs", "run", "parallel", "each", "subjob", "list", "task", "x"]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "{{ a", "{{ 1 }}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=20,
)


@given(_values)
def test_whatever_is_sent_there_is_a_job_or_a_refusal(tasks: Any) -> None:
    with contextlib.suppress(InvalidJob):
        assert submitted({"name": "x", "tasks": tasks}).tasks


def test_as_many_entries_as_are_allowed_are_read_in_passing() -> None:
    many = 5_000
    chain: list[Json] = [{"name": "0", "needs": []}]
    chain += [{"name": str(n), "needs": [str(n - 1)]} for n in range(1, many)]
    assert len(submitted({"name": "x", "tasks": chain}).tasks) == many
    wide = {"tasks": [{"run": "x"}] * many}
    assert len(made_of(with_task(parallel=wide)).as_submitted()["parallel"]["tasks"]) == many
    long = {"list": [{"n": n} for n in range(many)], "task": {"run": "x"}}
    assert len(made_of(with_task(each=long)).as_submitted()["each"]["list"]) == many


def made_of(job: Json) -> TaskEntry:
    return submitted(job).tasks[0]


@pytest.mark.parametrize(
    ("spawn", "error"),
    [
        (
            {"task": {"each": {"list": [], "task": {"run": "a"}}}},
            "tasks[0].spawn.task.each: is not for a spawn: its task runs a program",
        ),
        (
            {"task": {"run": "a", "reuse": True}},
            "tasks[0].spawn.task.reuse: is not for a spawn: "
            "the tasks that another has made would be missing",
        ),
        (
            {"task": {"name": "a"}},
            "tasks[0].spawn.task: must have image, run, cmd or wasm: there is nothing to run",
        ),
        (
            {"task": {"run": "a", "placement": {"type": "ops"}}},
            'tasks[0].spawn.task.placement.type: "ops" is not allowed: must be batch for a spawn: '
            "each of its tasks runs on one node",
        ),
        (
            {"task": {"run": "a", "placement": {"type": "service"}}},
            'tasks[0].spawn.task.placement.type: "service" is not allowed: is only for the '
            "tasks of a job or sub-job: what is part of a task must end",
        ),
        (
            {"task": {"run": "a", "placement": {"count": 2}}},
            "tasks[0].spawn.task.placement.count: is not for a spawn: there are as many as are "
            "made",
        ),
        (
            {"task": {"run": "a", "placement": {"update": {"maxUnavailable": 2}}}},
            "tasks[0].spawn.task.placement.update: is not for a spawn: what has begun keeps its "
            "version",
        ),
        (
            {"task": {"run": "a", "placement": {"minNodes": 3, "maxNodes": 2}}},
            "tasks[0].spawn.task.placement.minNodes: must not be more than maxNodes, 2",
        ),
        (
            {"task": {"run": "a"}, "concurrency": 2, "placement": {}},
            "tasks[0].spawn.placement: unknown field, did you mean 'task.placement'?",
        ),
    ],
)
def test_the_task_of_a_spawn_runs_a_program_each_time_on_one_node(spawn: Json, error: str) -> None:
    assert refusal(with_task(spawn=spawn)) == error


def test_the_tasks_of_a_spawn_can_want_several_nodes_though_nobody_counts_them_before() -> None:
    placement = {"minNodes": 3, "maxPerNode": 2}
    task = made_of(with_task(spawn={"task": {"run": "a", "placement": placement}}))
    assert task.as_submitted()["spawn"]["task"]["placement"] == placement
    source = {
        "s3": {"bucket": "data", "key": "in/", "partition": {"type": "object"}},
        "target": "in",
    }
    spawned = {"run": "a", "placement": placement, "sources": [source]}
    assert refusal(with_task(spawn={"task": spawned})) == (
        "tasks[0].spawn.task.sources[0].s3.partition: is not for a spawn: each of its tasks gets "
        "all objects"
    )
