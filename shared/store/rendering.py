"""Evaluates a task's texts: fields in, the same fields without expressions out."""

from collections.abc import Mapping
from typing import Any

from shared.expressions import ExpressionError, has_expression, render, render_value
from shared.store.bulk import MOST_OF_A_TASK, Bulk, TooBulky
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
    rendering = Rendering(names)
    done = _rendered_fields(task, rendering, "")
    for key in BESIDE:
        if task.get(key):
            done[key] = [
                _rendered_fields(aux, rendering, f"{key}[{place}].")
                for place, aux in enumerate(task[key])
            ]
    return done


class Rendering:
    """Evaluates the fields of one task, which together may come to `most` and no more."""

    def __init__(self, names: Names, most: int = MOST_OF_A_TASK) -> None:
        self._names = names
        self._bulk = Bulk(most)

    def text(self, field: str, template: str) -> str:
        """The text of `template`. Raises PlanError."""
        if not has_expression(template):
            return template
        text = rendered(field, template, self._names)
        self._count(field, text)
        return text

    def structure(self, field: str, expression: str) -> list[object] | dict[str, object] | None:
        """The list or mapping that it gives; None for what is single. Raises PlanError."""
        value = value_of(field, expression, self._names)
        if not isinstance(value, list | dict):
            return None
        self._count(field, value)
        return value

    def _count(self, field: str, value: object) -> None:
        try:
            self._bulk.add(value)
        except TooBulky:
            raise PlanError(
                f"{field}: with it the evaluated fields of the task are more than "
                f"{self._bulk.most} characters"
            ) from None


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


def _rendered_fields(task: TaskJson, rendering: Rendering, where: str) -> dict[str, Any]:
    done = dict(task)
    text = rendering.text
    for key in TEXTS:
        if task.get(key):
            done[key] = text(where + key, task[key])
    if task.get("cmd"):
        done["cmd"] = [text(f"{where}cmd[{i}]", v) for i, v in enumerate(task["cmd"])]
    for key in ("env", "registry"):
        if task.get(key):
            done[key] = {k: text(f"{where}{key}.{k}", v) for k, v in task[key].items()}
    return done
