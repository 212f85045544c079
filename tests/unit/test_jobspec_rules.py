"""Every rule of the job language: what it refuses and in which words."""

import json
from typing import Any

import pytest

from shared.jobspec import InvalidJob, JobSpec, parse_job


def submitted(job: dict[str, Any]) -> JobSpec:
    return parse_job(json.dumps(job).encode(), "application/json")


def with_task(**fields: Any) -> dict[str, Any]:
    return {"name": "x", "tasks": [{"name": "t", **fields}]}


def refusal(job: dict[str, Any]) -> str:
    with pytest.raises(InvalidJob) as caught:
        submitted(job)
    return str(caught.value)


FULL_TASK = {
    "name": "{{ inputs.who }}",
    "description": "d",
    "tags": ["a"],
    "image": "ubuntu:{{ inputs.tag }}",
    "registry": {"username": "u", "password": "{{ secrets.p }}"},
    "cmd": ["echo", "{{ inputs.who }}"],
    "entrypoint": ["sh", "-c"],
    "run": "echo {{ not an expression here",
    "env": {"A": "{{ tasks.first }}", "EMPTY": ""},
    "files": {"dir/a.txt": "text"},
    "workdir": "/work",
    "queue": "highcpu",
    "var": "chunk{{ inputs.n }}",
    "if": "{{ inputs.who == 'me' }}",
    "retry": {
        "limit": 10,
        "initialDelay": "1s",
        "scalingFactor": 2.0,
        "maxDelay": "1m",
        "jitter": 0.1,
    },
    "limits": {"cpus": "0.5", "memory": "500m"},
    "timeout": "1h30m",
    "priority": 9,
}
FULL_JOB = {
    "name": "full",
    "description": "all there is",
    "tags": ["a", "b"],
    "tasks": [FULL_TASK],
    "inputs": {"who": "me", "n": 1, "deep": {"list": [None, True, 1.5]}},
    "secrets": {"p": "hidden"},
    "output": "{{ tasks.first }}",
    "defaults": {
        "retry": {"limit": 1},
        "limits": {"memory": "1g"},
        "timeout": "5m",
        "queue": "q",
        "priority": 1,
    },
    "webhooks": [
        {
            "url": "https://example.com:8443/hook?a=b",
            "headers": {"h": "{{ job.State }}"},
            "event": "task.StateChange",
            "if": "{{ job.State == 'FAILED' }}",
        }
    ],
    "autoDelete": {"after": "6h"},
    "wait": {"timeout": "30s"},
}


def test_every_field_is_kept_as_it_was_submitted() -> None:
    spec = submitted(FULL_JOB)
    assert spec.tasks[0].as_submitted() == FULL_TASK
    assert spec.as_submitted() == FULL_JOB


def test_null_and_empty_text_say_the_same_as_nothing() -> None:
    spec = submitted(with_task(queue="", timeout=None, retry=None, image="") | {"output": ""})
    assert spec.tasks[0].as_submitted() == {"name": "t"}
    assert spec.output is None


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"tasks": [{"name": "t"}]}, "name: is required"),
        ({"name": "x"}, "tasks: is required"),
        ({"name": "x", "tasks": []}, "tasks: must have at least 1 entry"),
        ({"name": " ", "tasks": [{"name": "t"}]}, 'name: " " is not allowed: must not be blank'),
        ({"name": "x", "tasks": [{}]}, "tasks[0].name: is required"),
        ({"name": "x", "tasks": {}}, "tasks: a mapping is not allowed: must be a list"),
        ({"name": 5, "tasks": [{"name": "t"}]}, "name: 5 is not allowed: must be text"),
        (with_task() | {"tags": [""]}, "tags[0]: must not be empty"),
        (with_task() | {"tags": ["t"] * 65}, "tags: must have at most 64 entries"),
        (with_task() | {"secrets": {"a": 5}}, "secrets.a: must be text"),
        (with_task() | {"inputs": []}, "inputs: a list is not allowed: must be a mapping"),
        (with_task() | {"autoDelete": {}}, "autoDelete.after: is required"),
        (
            with_task() | {"wait": {"timeout": "0s"}},
            'wait.timeout: "0s" is not allowed: must be longer than zero',
        ),
        (
            with_task() | {"webhooks": [{"url": "mailto:x"}]},
            'webhooks[0].url: "mailto:x" is not allowed: must be an http or https URL',
        ),
        (
            with_task() | {"webhooks": [{"url": "http://x", "event": "job.Done"}]},
            "webhooks[0].event: \"job.Done\" is not allowed: must be 'job.StateChange', "
            "'job.Progress', 'task.StateChange' or 'task.Progress'",
        ),
        (with_task() | {"webhooks": [{}]}, "webhooks[0].url: is required"),
        (
            with_task(retry={"limit": 11}),
            "tasks[0].retry.limit: 11 is not allowed: must be at most 10",
        ),
        (
            with_task(retry={"limit": 0}),
            "tasks[0].retry.limit: 0 is not allowed: must be at least 1",
        ),
        (with_task(retry={}), "tasks[0].retry.limit: is required"),
        (
            with_task(retry={"limit": 1, "initialDelay": "-1s"}),
            'tasks[0].retry.initialDelay: "-1s" is not allowed: must not be negative',
        ),
        (
            with_task(retry={"limit": 1, "initialDelay": "2s", "maxDelay": "1s"}),
            "tasks[0].retry: maxDelay must not be shorter than initialDelay",
        ),
        (
            with_task(retry={"limit": 1, "jitter": 1.5}),
            "tasks[0].retry.jitter: 1.5 is not allowed: must be at most 1",
        ),
        (
            with_task(limits={"cpus": 1}),
            "tasks[0].limits.cpus: 1 is not allowed: must be text",
        ),
        (
            with_task(limits={"memory": "lots"}),
            'tasks[0].limits.memory: "lots" is not allowed: must be an amount of memory such as '
            "500m, 1.5g or 1073741824",
        ),
        (
            with_task(timeout="5"),
            'tasks[0].timeout: "5" is not allowed: must be a duration such as 90s, 10m or 1h30m',
        ),
        (with_task(priority=10), "tasks[0].priority: 10 is not allowed: must be at most 9"),
        (
            with_task(priority=True),
            "tasks[0].priority: true is not allowed: must be a whole number",
        ),
        (
            with_task(queue="completions"),
            'tasks[0].queue: "completions" is not allowed: must be the name of a task queue: '
            "'completions' is reserved for Conveyor's own messages",
        ),
        (
            with_task(var="v" * 65),
            f'tasks[0].var: "{"v" * 58}… is not allowed: must have at most 64 characters',
        ),
        (
            with_task() | {"secrets": {"conveyor.x": "y"}},
            "secrets.conveyor.x: must not start with 'conveyor.'",
        ),
        (with_task(env={"": "x"}), 'tasks[0].env."": must not be empty'),
        (with_task(env={"A=B": "x"}), "tasks[0].env.A=B: must not hold '='"),
        (
            with_task(files={"../x": "y"}),
            'tasks[0].files.../x: "../x" is not allowed: '
            "must be a path below the working directory",
        ),
        (with_task(cmd="echo"), 'tasks[0].cmd: "echo" is not allowed: must be a list'),
    ],
)
def test_a_broken_rule_names_field_value_and_rule(job: dict[str, Any], message: str) -> None:
    assert refusal(job) == message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "{{ 1 + }}"),
        ("image", "x:{{ ( }}"),
        ("var", "{{ 'open }}"),
        ("queue", "{{ ] }}"),
        ("if", "{{ a == }}"),
        ("if", "a =="),
        ("cmd", ["{{ 1 + }}"]),
        ("env", {"A": "{{ 1 + }}"}),
        ("registry", {"password": "{{ 1 + }}"}),
    ],
)
def test_an_expression_that_does_not_compile_is_refused(field: str, value: Any) -> None:
    message = refusal(with_task(**{field: value}))
    assert message.startswith(f"tasks[0].{field}")
    assert "must hold expressions that compile" in message


def test_expressions_of_a_job_are_checked_too() -> None:
    job = with_task() | {
        "output": "{{ 1 + }}",
        "webhooks": [{"url": "http://x", "if": "{{ ( }}", "headers": {"a": "{{ ( }}"}}],
    }
    message = refusal(job)
    for field in ("output", "webhooks[0].if", "webhooks[0].headers.a"):
        assert f"{field}:" in message


@pytest.mark.parametrize(
    "field",
    ["parallel", "each", "subjob", "pre", "post", "sidecars", "mounts", "networks", "gpus"],
)
def test_a_field_to_come_is_not_called_unknown(field: str) -> None:
    assert refusal(with_task(**{field: {}})) == f"tasks[0].{field}: is not supported yet"


@pytest.mark.parametrize("field", ["permissions", "schedule"])
def test_a_job_field_to_come_is_not_called_unknown(field: str) -> None:
    assert refusal(with_task() | {field: []}) == f"{field}: is not supported yet"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (with_task(comand=["x"]), "tasks[0].comand: unknown field, did you mean 'cmd'?"),
        (with_task(Timeout="5s"), "tasks[0].Timeout: unknown field, did you mean 'timeout'?"),
        (with_task(zzz=1), "tasks[0].zzz: unknown field"),
        (
            with_task() | {"autodelete": {"after": "1h"}},
            "autodelete: unknown field, did you mean 'autoDelete'?",
        ),
        (
            with_task(retry={"limit": 1, "initial_delay": "1s"}),
            "tasks[0].retry.initial_delay: unknown field, did you mean 'initialDelay'?",
        ),
        (with_task(parallel={}, each={}) | {"each": []}, "each: unknown field"),
    ],
)
def test_an_unknown_field_is_refused_with_a_guess(job: dict[str, Any], message: str) -> None:
    assert message in refusal(job).split("; ")


def test_all_problems_are_listed_together() -> None:
    message = refusal({"name": "x", "tasks": [{"priority": 12, "zzz": 1}], "secrets": {"a": 1}})
    assert set(message.split("; ")) == {
        "tasks[0].name: is required",
        "tasks[0].priority: 12 is not allowed: must be at most 9",
        "tasks[0].zzz: unknown field",
        "secrets.a: must be text",
    }


def test_a_flood_of_problems_is_cut_short() -> None:
    message = refusal({"name": "x", "tasks": [{}] * 25})
    assert message.endswith("and 15 more")


def test_a_refusal_never_shows_a_secret() -> None:
    job = with_task(timeout="hunter2", env={"K": 5}, registry={"password": ["hunter2"]})
    message = refusal(job | {"secrets": {"a": "hunter2", "b": ["hunter2"]}})
    assert "hunter2" not in message
    assert "tasks[0].timeout: [REDACTED] is not allowed" in message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"[1]", "a job must be a mapping of fields"),
        (b'{"name":"a","name":"b"}', "the key 'name' stands in one object twice"),
        (b'{"a":NaN}', "NaN is no JSON number"),
        (b'{"a":1e999}', "a number must fit in 64 bits"),
        (b'{"a":99999999999999999999}', "an integer must fit in 64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "an integer must fit in 64 bits"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "must not be nested more than 64 deep"),
        (b'{"name":"a\\u0000"}', "name: must not hold NUL characters"),
        (b'{"inputs":{"a":["\\ud800"]}}', "inputs.a[0]: must not hold NUL characters"),
        (b'{"inputs":{"a\\u0000":1}}', "inputs: must not have a key with NUL"),
        (b"\xff", "not UTF-8 text"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        parse_job(body, "application/json")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "text/yaml",
        "application/x-yaml;charset=utf-8",
        "application/yaml",
    ],
)
def test_json_and_yaml_are_accepted_with_a_charset(content_type: str) -> None:
    assert parse_job(b'{"name": "x", "tasks": [{"name": "t"}]}', content_type).name == "x"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=latin1"])
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(InvalidJob, match="content-type"):
        parse_job(b"{}", content_type)
