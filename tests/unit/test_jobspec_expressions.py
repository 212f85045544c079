"""Expressions of a job that do not compile: where they may stand, and what is said."""

from typing import Any

import pytest

from tests.support.jobs.submissions import refusal, with_task


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
        ("pre", [{"env": {"A": "{{ 1 + }}"}}]),
        ("post", [{"cmd": ["{{ 1 + }}"]}]),
        ("sidecars", [{"image": "{{ 1 + }}"}]),
        ("parallel", {"tasks": [{"if": "1 +"}]}),
        ("each", {"list": "1 +", "task": {}}),
        ("each", {"list": "{{ 1 + }}", "task": {}}),
        ("each", {"list": [], "task": {}, "var": "{{ ( }}"}),
        ("each", {"list": [], "task": {"env": {"A": "{{ item. }}"}}}),
        ("subjob", {"name": "{{ ( }}", "tasks": [{}]}),
        ("subjob", {"name": "s", "tasks": [{"name": "{{ ( }}"}]}),
        ("subjob", {"name": "s", "tasks": [{}], "inputs": {"a": "{{ ( }}"}}),
        ("subjob", {"name": "s", "tasks": [{}], "secrets": {"a": "{{ ( }}"}}),
        ("subjob", {"name": "s", "tasks": [{}], "output": "1 +"}),
        ("subjob", {"name": "s", "tasks": [{}], "webhooks": [{"url": "{{ ( }}"}]}),
    ],
)
def test_an_expression_that_does_not_compile_is_refused(field: str, value: Any) -> None:
    message = refusal(with_task(**{field: value}))
    assert message.startswith(f"tasks[0].{field}")
    assert "must hold expressions that compile" in message


def test_a_secret_that_does_not_compile_is_not_repeated() -> None:
    message = refusal(
        with_task(
            registry={"password": "{{ hunter2 + }}"},
            subjob={"name": "s", "tasks": [{}], "secrets": {"a": "{{ hunter2 + }}"}},
        )
    )
    assert "tasks[0].registry.password: must hold expressions that compile (column 9)" in message
    assert "tasks[0].subjob.secrets.a: must hold expressions that compile (column 9)" in message
    assert "hunter2" not in message


def test_expressions_of_a_job_are_checked_too() -> None:
    job = with_task() | {
        "output": "{{ 1 + }}",
        "webhooks": [{"url": "http://x", "if": "{{ ( }}", "headers": {"a": "{{ ( }}"}}],
    }
    message = refusal(job)
    for field in ("output", "webhooks[0].if", "webhooks[0].headers.a"):
        assert f"{field}:" in message
