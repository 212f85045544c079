"""Every rule of the job language: what it refuses and in which words."""

from typing import Any

import pytest

from tests.support.jobs.submissions import refusal, submitted, with_task

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
        "on": [1, 255, "timeout", "lost"],
    },
    "limits": {"cpus": "0.5", "memory": "500m"},
    "timeout": "1h30m",
    "priority": 9,
    "queueTimeout": "10m",
    "allowFailure": True,
    "privileged": False,
    "needs": [],
    "networks": ["backend"],
    "gpus": "all",
    "pre": [{"name": "first", "image": "alpine:{{ inputs.tag }}", "run": "true"}],
    "post": [
        {
            "description": "last",
            "image": "r/private",
            "registry": {"username": "u", "password": "{{ secrets.p }}"},
            "entrypoint": ["sh"],
            "cmd": ["{{ inputs.who }}"],
            "env": {"A": "{{ tasks.first }}"},
            "files": {"a": "b"},
            "timeout": "1m",
        }
    ],
    "sidecars": [
        {
            "name": "db",
            "image": "postgres:17",
            "probe": {"path": "/health?a=b", "port": 8080, "timeout": "5s"},
        }
    ],
    "mounts": [
        {"type": "volume", "target": "/data"},
        {"type": "bind", "source": "/srv/in", "target": "/in", "opts": {"mode": "ro"}},
        {"type": "tmpfs", "target": "/scratch dir"},
        {"type": "s3-bucket", "source": "bucket=b path=/x", "target": "/s3"},
    ],
}


FULL_JOB = {
    "name": "full",
    "description": "all there is",
    "tags": ["a", "b"],
    "tasks": [FULL_TASK],
    "inputs": {"who": "me", "n": "1", "deep": {"list": [None, True, 1.5]}},
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
    "timeout": "24h",
    "startAt": "2026-06-01T12:00:00Z",
    "deadline": "2026-06-02T12:00:00Z",
    "permissions": [{"role": "ops"}, {"user": "ann"}],
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
        *(
            (with_task(limits=limits), f"tasks[0].limits.{field}: {rule}")
            for field, limits, rule in (
                ("cpus", {"cpus": "0.001"}, '"0.001" is not allowed: must be at least 0.01'),
                ("cpus", {"cpus": "0"}, '"0" is not allowed: must be more than zero'),
                ("memory", {"memory": "5m"}, '"5m" is not allowed: must be at least 6m'),
                ("memory", {"memory": "6291455"}, '"6291455" is not allowed: must be at least 6m'),
            )
        ),
        (with_task(image="  "), 'tasks[0].image: "  " is not allowed: must not be blank'),
        (
            with_task(pre=[{"image": " "}]),
            'tasks[0].pre[0].image: " " is not allowed: must not be blank',
        ),
        (
            with_task() | {"defaults": {"limits": {"memory": "1"}}},
            'defaults.limits.memory: "1" is not allowed: must be at least 6m',
        ),
        (with_task(env={"A": ["s"]}), "tasks[0].env.A: a list is not allowed: must be text"),
        (with_task() | {"inputs": []}, "inputs: a list is not allowed: must be a mapping"),
        (with_task() | {"autoDelete": {}}, "autoDelete.after: is required"),
        (
            with_task() | {"hold": True, "wait": {"timeout": "1s"}},
            "wait: can't be combined with hold: a held job waits for its release",
        ),
        (
            with_task()
            | {"startAt": "2026-06-01T12:00:00Z", "deadline": "2026-06-01T14:00:00+02:00"},
            'deadline: "2026-06-01T14:00:00+02:00" is not allowed: '
            "must be after startAt, 2026-06-01T12:00:00Z",
        ),
        (
            with_task() | {"startAt": "2026-06-01 12:00"},
            'startAt: "2026-06-01 12:00" is not allowed: '
            "must be a time with its offset such as 2026-06-01T12:00:00Z",
        ),
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
            "'job.Progress', 'job.PhaseChange', 'task.StateChange' or 'task.Progress'",
        ),
        (with_task() | {"webhooks": [{}]}, "webhooks[0].url: is required"),
        (
            with_task() | {"webhooks": [{"url": "http://x", "headers": {"X-A": "a\r\nb"}}]},
            "webhooks[0].headers.X-A: must not hold a line break or another control character",
        ),
        (
            with_task() | {"webhooks": [{"url": "http://x", "headers": {"X A": "a"}}]},
            "webhooks[0].headers.X A: must be a header name: "
            "letters, digits and !#$%&'*+.^_`|~- only",
        ),
        (
            with_task() | {"webhooks": [{"url": "http://x", "headers": {"Host": "a"}}]},
            "webhooks[0].headers.Host: must not be set: it belongs to the request itself",
        ),
        (
            with_task() | {"webhooks": [{"url": "http://a..b"}]},
            'webhooks[0].url: "http://a..b" is not allowed: '
            "must have a valid host name or IP address",
        ),
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
            with_task() | {"submitId": "a b"},
            'submitId: "a b" is not allowed: must match ^[!-~]{1,255}$',
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
        (
            with_task(retry={"limit": 1, "on": []}),
            "tasks[0].retry.on: must have at least 1 entry",
        ),
        (
            with_task(retry={"limit": 1, "on": [256]}),
            "tasks[0].retry.on[0]: 256 is not allowed: "
            "must be an exit code from 1 to 255, 'timeout', 'memory' or 'lost'",
        ),
        (
            with_task(retry={"limit": 1, "on": ["tiemout"]}),
            'tasks[0].retry.on[0]: "tiemout" is not allowed: '
            "must be an exit code from 1 to 255, 'timeout', 'memory' or 'lost'",
        ),
        (
            with_task(queueTimeout="0s"),
            'tasks[0].queueTimeout: "0s" is not allowed: must be longer than zero',
        ),
        (
            with_task(allowFailure="yes"),
            'tasks[0].allowFailure: "yes" is not allowed: must be true or false',
        ),
        (with_task(networks=[""]), "tasks[0].networks[0]: must not be empty"),
        (with_task(gpus=1), "tasks[0].gpus: 1 is not allowed: must be text"),
        (
            with_task(workdir="/" + "w" * 256),
            f'tasks[0].workdir: "/{"w" * 57}… is not allowed: must have at most 256 characters',
        ),
        (
            with_task() | {"timeout": "0s"},
            'timeout: "0s" is not allowed: must be longer than zero',
        ),
        (
            with_task() | {"permissions": [{"role": "a", "user": "b"}]},
            "permissions[0]: must name either a role or a user",
        ),
        (
            with_task() | {"permissions": [{}]},
            "permissions[0]: must name either a role or a user",
        ),
        (
            with_task() | {"schedule": {"cron": "@daily"}},
            "schedule: is for scheduled jobs: submit it to POST /scheduled-jobs",
        ),
        (with_task(cmd="echo"), 'tasks[0].cmd: "echo" is not allowed: must be a list'),
    ],
)
def test_a_broken_rule_names_field_value_and_rule(job: dict[str, Any], message: str) -> None:
    assert refusal(job) == message


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


def test_a_refusal_never_shows_a_secret_of_a_sub_job() -> None:
    subjob = {"name": "s", "tasks": [{"timeout": "hunter2"}], "secrets": {"a": "hunter2"}}
    message = refusal(with_task(subjob=subjob))
    assert "tasks[0].subjob.tasks[0].timeout: [REDACTED] is not allowed" in message


def test_a_refusal_never_shows_a_secret() -> None:
    job = with_task(timeout="hunter2", env={"K": 5}, registry={"password": ["hunter2"]})
    message = refusal(job | {"secrets": {"a": "hunter2", "b": ["hunter2"]}})
    assert "hunter2" not in message
    assert "tasks[0].timeout: [REDACTED] is not allowed" in message


def test_a_rule_that_quotes_an_expression_shows_no_secret() -> None:
    job = {
        "name": "j",
        "secrets": {"s": "Hidden4711"},
        "output": "no Hidden4711",
        "tasks": [{"name": "a", "run": "true"}],
    }
    assert refusal(job).startswith("output: [REDACTED] is not allowed")
    for output in (job["output"], "{{ Hidden4711 }}"):
        assert "Hidden4711" not in refusal(job | {"output": output})
