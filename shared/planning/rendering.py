"""Evaluates a task's texts: fields in, the same fields without expressions out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from shared.expressions import ExpressionError, has_expression, render, render_value, to_text
from shared.planning.secret_taint import SecretTaint
from shared.planning.size_budget import MOST_OF_A_SUBJOB, MOST_OF_A_TASK, SizeBudget, TooLarge
from shared.planning.templates import BESIDE, TEXTS, TaskJson, as_template, templates

Names = Mapping[str, object]
V = TypeVar("V")


class PlanError(Exception):
    """An expression fails, or evaluated the task breaks a rule of the job language."""


class Rendering:
    """Evaluates the fields of one task, or what else is kept of a job.

    Together they may come to so much and no more (see `bulk`). What it makes of secrets is noted in
    `derived`. Every method raises PlanError, which names the field and tells of no secret.
    """

    def __init__(self, names: Names, derived: SecretTaint, most: int = MOST_OF_A_TASK) -> None:
        self.derived = derived
        self._names = names
        self._bulk = SizeBudget(most)

    def of_job(self) -> "Rendering":
        """For the job that the task stands for, which has room of its own."""
        return Rendering(self._names, self.derived, MOST_OF_A_SUBJOB)

    def text(self, field: str, template: str) -> str:
        """The text of `template`."""
        if not has_expression(template):
            return template
        text = self._evaluated(field, template, render)
        self._count(field, text)
        return text

    def value(self, field: str, expression: str) -> object:
        """The value of one expression, its braces left out or not. It takes no room."""
        return self._evaluated(field, as_template(expression), render_value)

    def structure(self, field: str, expression: str) -> list[object] | dict[str, object] | None:
        """The list or mapping that it gives; None for what is single."""
        value = self.value(field, expression)
        if not isinstance(value, list | dict):
            return None
        self._count(field, value)
        return value

    def is_wanted(self, task: TaskJson) -> bool:
        """What the task's `if` gives."""
        condition = task.get("if")
        if not condition:
            return True
        value = self.value("if", condition)
        if value not in (True, False, "true", "false"):
            is_hidden = self.derived.reads_secrets(as_template(condition))
            text = f"the text {value!r}" if isinstance(value, str) else to_text(value)
            shown = "what it gives" if is_hidden else text
            raise PlanError(f"if: {shown} is neither true nor false")
        return value in (True, "true")

    def _evaluated(self, field: str, template: str, evaluate: Callable[[str, Names], V]) -> V:
        try:
            value = evaluate(template, self._names)
        except ExpressionError as error:
            raise PlanError(f"{field}: {self.derived.told(template, str(error))}") from None
        self.derived.look(template, value)
        return value

    def _count(self, field: str, value: object) -> None:
        try:
            self._bulk.add(value)
        except TooLarge:
            raise PlanError(
                f"{field}: with it the evaluated fields of the task are more than "
                f"{self._bulk.most} characters"
            ) from None


def rendered_task(task: TaskJson, rendering: Rendering) -> TaskJson:
    """`task` evaluated, what it is made of excepted: children are evaluated when they begin.

    Raises PlanError, which names the field.
    """
    if not any(map(has_expression, templates(task))):
        return task
    done = _rendered_fields(task, rendering, "")
    for key in BESIDE:
        if task.get(key):
            done[key] = [
                _rendered_fields(aux, rendering, f"{key}[{place}].")
                for place, aux in enumerate(task[key])
            ]
    return done


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
