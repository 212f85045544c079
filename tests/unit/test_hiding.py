"""What answers never show of a task, however deep it stands in others."""

import json

import orjson

from services.coordinator.api.tork.definitions import shown_task
from services.coordinator.api.tork.schemas.tasks import Task
from shared.definition import encode
from tests.support.jobs.definitions import task_definition
from tests.support.jobs.submissions import Json

HIDDEN = "[REDACTED]"
INNER: Json = {
    "env": {"API_KEY": "a", "HOME": "/h"},
    "registry": {"username": "u", "password": "p"},
    "pre": [{"env": {"TOKEN": "t"}}],
    "sidecars": [{"registry": {"password": "p"}}],
}
INNER_SHOWN: Json = {
    "env": {"API_KEY": HIDDEN, "HOME": "/h"},
    "registry": {"username": "u", "password": HIDDEN},
    "pre": [{"env": {"TOKEN": HIDDEN}}],
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
