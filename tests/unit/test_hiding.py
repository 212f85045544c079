"""What answers never show of a task, however deep it stands in others."""

import json

import orjson
import pytest

from services.coordinator.api.tork.definitions import shown_task
from services.coordinator.api.tork.schemas.tasks import Task
from shared.definition import encode
from shared.planning.secret_names import hide_headers
from tests.support.jobs.definitions import task_definition
from tests.support.jobs.submissions import Json

HIDDEN = "[REDACTED]"
INNER: Json = {
    "env": {"AWS_ACCESS_KEY": "a", "HOME": "/h"},
    "registry": {"username": "u", "password": "p"},
    "pre": [{"env": {"DbPassword": "t"}}],
    "sidecars": [{"registry": {"password": "p"}}],
}
INNER_SHOWN: Json = {
    "env": {"AWS_ACCESS_KEY": HIDDEN, "HOME": "/h"},
    "registry": {"username": "u", "password": HIDDEN},
    "pre": [{"env": {"DbPassword": HIDDEN}}],
    "sidecars": [{"registry": {"password": HIDDEN}}],
}


def hidden(task: Json) -> Json:
    return shown_task(encode(task_definition(task)))


def test_passwords_and_secrets_are_hidden_in_tasks_within_tasks() -> None:
    subjob = {
        "name": "s",
        "tasks": [{"each": {"list": "[1]", "task": INNER}}],
        "secrets": {"a": "b"},
        "inputs": {"password": "p", "n": 1},
        "webhooks": [{"url": "http://x", "headers": {"Authorization": "a"}}],
    }
    task = {"name": "t", "parallel": {"tasks": [{"subjob": subjob}, INNER]}}
    assert hidden(task) == {
        "name": "t",
        "parallel": {
            "tasks": [
                {
                    "subjob": {
                        "name": "s",
                        "tasks": [{"each": {"list": "[1]", "task": INNER_SHOWN}}],
                        "secrets": {"a": HIDDEN},
                        "inputs": {"password": HIDDEN, "n": "1"},
                        "webhooks": [{"url": "http://x", "headers": {"Authorization": HIDDEN}}],
                    }
                },
                INNER_SHOWN,
            ]
        },
    }


@pytest.mark.parametrize(
    "name", ["max_tokens", "tokenizer", "TOKENIZERS_PARALLELISM", "COOKIECUTTER", "api_token"]
)
def test_a_name_that_only_looks_secret_is_shown(name: str) -> None:
    task: Json = {"name": "t", "env": {name: "5"}}
    assert hidden(task) == task


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"Authorization": "Bearer {{ secrets.tok }}"}, None),
        ({"X-Token": "{{ secrets.tok }}", "X-Other": "a {{ inputs.b }}"}, None),
        ({"Authorization": "Basic YTpi"}, {"Authorization": HIDDEN}),
        (
            {"X-Token": "literal", "x-api-key": "k{{ inputs.b }}"},
            dict.fromkeys(("X-Token", "x-api-key"), HIDDEN),
        ),
        ({"X-Other": '{{ secrets["conveyor.webhook.0.X-Other"] }}'}, {"X-Other": HIDDEN}),
    ],
)
def test_a_header_of_nothing_but_templates_is_shown_so_that_a_copy_works(
    headers: dict[str, str], shown: dict[str, str] | None
) -> None:
    assert hide_headers(headers) == (shown or headers)


def test_a_secret_environment_of_nothing_but_templates_is_shown() -> None:
    env = {"DB_PASSWORD": "{{ secrets.db }}", "OTHER_PASSWORD": "db"}
    assert hidden({"name": "t", "env": env})["env"] == {**env, "OTHER_PASSWORD": HIDDEN}


def test_an_answer_shows_tasks_within_tasks_in_the_form_they_came() -> None:
    each = {"list": [1, None, {"a": None}], "task": {"run": "x"}, "minSuccess": "80%"}
    task = {
        "name": "t",
        "needs": [],
        "parallel": {
            "tasks": [{"each": each}, {"run": "x", "retry": {"limit": 1, "on": [1, "lost"]}}],
            "minSuccess": 1,
        },
    }
    assert json.loads(Task.model_validate(hidden(task)).body()) == task


def test_the_deepest_task_that_can_be_submitted_can_be_shown() -> None:
    task: Json = {"run": "x"}
    for _ in range(98):
        task = {"each": {"list": "[1]", "task": task}}
    assert json.loads(Task.model_validate(hidden(task)).body()) == task
    assert orjson.loads(orjson.dumps({"job": {"tasks": [task]}}))
