"""Evaluates a task's texts: fields in, the same fields without expressions out."""

from collections.abc import Mapping
from typing import Any

from shared.expressions import ExpressionError, has_expression, render, render_value
from shared.store.templates import BESIDE, TEXTS, TaskJson, as_template, templates

Names = Mapping[str, object]


class PlanError(Exception):
    """An expression fails, or evaluated the task breaks a rule of the job language."""


def rendered_task(task: TaskJson, names: Names) -> TaskJson:
    """`task` evaluated, what it is made of excepted: children are evaluated when they begin.

    Raises PlanError, which names the field.
    """
    if not any(map(has_expression, templates(task))):
        return task
    done = _rendered_fields(task, names, "")
    for key in BESIDE:
        if task.get(key):
            done[key] = [
                _rendered_fields(aux, names, f"{key}[{place}].")
                for place, aux in enumerate(task[key])
            ]
    return done


def rendered(field: str, template: str, names: Names) -> str:
    """The text of `template`. Raises PlanError."""
    if not has_expression(template):
        return template
    try:
        return render(template, names)
    except ExpressionError as error:
        raise PlanError(f"{field}: {error}") from None


def value_of(field: str, expression: str, names: Names) -> object:
    """The value of one expression, its braces left out or not. Raises PlanError."""
    try:
        return render_value(as_template(expression), names)
    except ExpressionError as error:
        raise PlanError(f"{field}: {error}") from None


def is_wanted(task: TaskJson, names: Names) -> bool:
    """What the task's `if` gives. Raises PlanError."""
    condition = task.get("if")
    if not condition:
        return True
    value = value_of("if", condition, names)
    if value not in (True, False, "true", "false"):
        raise PlanError(f"if: {value!r} is neither true nor false")
    return value in (True, "true")


def _rendered_fields(task: TaskJson, names: Names, where: str) -> dict[str, Any]:
    done = dict(task)
    for key in TEXTS:
        if task.get(key):
            done[key] = rendered(where + key, task[key], names)
    if task.get("cmd"):
        done["cmd"] = [rendered(f"{where}cmd[{i}]", v, names) for i, v in enumerate(task["cmd"])]
    for key in ("env", "registry"):
        if task.get(key):
            done[key] = {k: rendered(f"{where}{key}.{k}", v, names) for k, v in task[key].items()}
    return done
