"""Where a job's expressions stand, and what they read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.expressions import ExpressionError, has_expression, names_in

TaskJson = Mapping[str, Any]

TEMPLATES = ("name", "var", "image", "queue")


@dataclass(frozen=True, slots=True)
class JobSource:
    """What expressions of a job may read, besides the results of its tasks."""

    job_id: str
    name: str
    inputs: Mapping[str, object]
    sealed: str | None
    defaults: TaskJson | None
    output: str | None


@dataclass(frozen=True, slots=True)
class TaskSource:
    job: JobSource
    position: int
    task: TaskJson


def variables_read(source: JobSource | TaskSource) -> set[str] | None:
    """The names below `tasks` that its expressions read; None when only running them tells."""
    read: set[str] = set()
    for template in filter(has_expression, _all_templates(source)):
        try:
            paths = names_in(template)
        except ExpressionError:
            continue  # it fails when it is evaluated, whatever it reads
        for path in paths:
            if path in ((), ("tasks",)):  # () is everything there is
                return None
            if path[0] == "tasks":
                read.add(path[1])
    return read


def _all_templates(source: JobSource | TaskSource) -> Iterator[str]:
    if isinstance(source, JobSource):
        yield as_template(source.output or "")
        return
    yield from templates(source.task)
    if condition := source.task.get("if"):
        yield as_template(condition)


def as_template(expression: str) -> str:
    """Where only an expression makes sense, its braces may be left out."""
    return expression if has_expression(expression) else "{{" + expression + "}}"


def templates(task: TaskJson) -> Iterator[str]:
    for key in TEMPLATES:
        yield task.get(key) or ""
    yield from task.get("cmd") or ()
    yield from (task.get("env") or {}).values()
    yield from (task.get("registry") or {}).values()
