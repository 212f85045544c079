"""Moves what must not be stored in clear out of a job's tasks and inputs, into its secrets.

A registry's password, or a sub-job's secret, that stands in a task becomes a secret of the job
under a name no client can choose, and an expression that reads it takes its place. An input of a
sub-job that holds a secret of its parent becomes one as JSON, and is taken from there when inputs
are read.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import orjson

from shared.expressions import has_expression
from shared.jobspec import OWN_SECRETS
from shared.planning.templates import BESIDE
from shared.process.redaction import Redactor

OF_TASKS = (f"{OWN_SECRETS}registry.", f"{OWN_SECRETS}subjob.")
"""How the secrets are named that stood in tasks: the tasks of sub-jobs read them as well."""
_OF_INPUTS = f"{OWN_SECRETS}input."

_Task = Mapping[str, Any]
_Hide = Callable[[str, str], str]
"""Takes what it is and its value; gives the expression that reads it."""


def without_clear_secrets(tasks: Sequence[_Task], secrets: dict[str, str]) -> list[dict[str, Any]]:
    """`tasks` at any depth without such values; these are added to `secrets`."""
    numbers = count(1)

    def hide(kind: str, value: str) -> str:
        return hidden_text(f"{kind}.{next(numbers)}", value, secrets)

    return [_without(task, hide) for task in tasks]


def hidden_text(name: str, value: str, secrets: dict[str, str]) -> str:
    """The expression that reads `value`, which is kept in `secrets` from now on."""
    secrets[OWN_SECRETS + name] = value
    return '{{ secrets["' + OWN_SECRETS + name + '"] }}'


def without_secret_inputs(
    inputs: Mapping[str, object], secrets: dict[str, str]
) -> dict[str, object]:
    """`inputs` as they may be shown; those that hold one of `secrets` are added to these."""
    redactor = Redactor(secrets.values())
    shown = {name: redactor.value(value) for name, value in inputs.items()}
    for name, value in inputs.items():
        if shown[name] != value:
            secrets[_OF_INPUTS + name] = orjson.dumps(value).decode()
    return shown


def all_inputs(shown: Mapping[str, object], secrets: Mapping[str, str]) -> Mapping[str, object]:
    """The inputs as they were given."""
    hidden = {
        name.removeprefix(_OF_INPUTS): orjson.loads(value)
        for name, value in secrets.items()
        if name.startswith(_OF_INPUTS)
    }
    return {**shown, **hidden} if hidden else shown


def _without(task: _Task, hide: _Hide) -> dict[str, Any]:
    done = dict(task)
    registry = task.get("registry") or {}
    if (password := registry.get("password")) and not has_expression(password):
        done["registry"] = {**registry, "password": hide("registry", password)}
    for key in BESIDE:
        if task.get(key):
            done[key] = [_without(aux, hide) for aux in task[key]]
    if made_of := task.get("parallel"):
        done["parallel"] = {**made_of, "tasks": [_without(t, hide) for t in made_of["tasks"]]}
    if made_of := task.get("each"):
        done["each"] = {**made_of, "task": _without(made_of["task"], hide)}
    if subjob := task.get("subjob"):
        done["subjob"] = _subjob_without(subjob, hide)
    return done


def _subjob_without(subjob: _Task, hide: _Hide) -> dict[str, Any]:
    done = {**subjob, "tasks": [_without(task, hide) for task in subjob["tasks"]]}
    if subjob.get("secrets"):
        done["secrets"] = {
            name: value if not value or has_expression(value) else hide("subjob", value)
            for name, value in subjob["secrets"].items()
        }
    return done
