"""Where a job's expressions stand, and what they read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.expressions import ExpressionError, has_expression, names_in
from shared.lifecycle import Scope, TaskKey, TaskPosition

TaskJson = Mapping[str, Any]

TEXTS = ("name", "var", "image", "queue")
"""The fields of a task that are a text which may hold expressions."""
BESIDE = ("pre", "post", "sidecars")
"""The fields that hold what runs beside a task, with expressions of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSource:
    """What expressions of a job may read, besides the results of its tasks; and what it leaves to
    the jobs it makes."""

    job_id: str
    name: str
    inputs: Mapping[str, object]
    sealed: str | None
    defaults: TaskJson | None
    output: str | None
    created_by: str | None = None
    permissions: Sequence[Mapping[str, object]] = ()
    readers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource:
    """A task as submitted. `child_id` is the row of one that waited for its turn; `task_id` is the
    row it is or will be."""

    job: JobSource
    position: int
    task: TaskJson
    task_id: str
    child_id: str | None = None
    scope: Scope | None = None

    @property
    def ref(self) -> TaskKey | TaskPosition:
        if self.child_id is not None:
            return TaskKey(self.job.job_id, self.child_id)
        return TaskPosition(self.job.job_id, self.position)


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


def as_template(expression: str) -> str:
    """Where only an expression makes sense, its braces may be left out."""
    return expression if has_expression(expression) else "{{" + expression + "}}"


def templates(task: TaskJson) -> Iterator[str]:
    """Every text of a task that is evaluated when it begins, its condition and its list apart."""
    for key in TEXTS:
        yield task.get(key) or ""
    yield from task.get("cmd") or ()
    yield from _texts((task.get("env") or {}).values())
    yield from _texts((task.get("registry") or {}).values())
    for key in BESIDE:
        for aux in task.get(key) or ():
            yield from templates(aux)


def _all_templates(source: JobSource | TaskSource) -> Iterator[str]:
    if isinstance(source, JobSource):
        yield as_template(source.output or "")
        return
    task = source.task
    yield from templates(task)
    if condition := task.get("if"):
        yield as_template(condition)
    if isinstance(list_ := (task.get("each") or {}).get("list"), str):
        yield as_template(list_)
    if subjob := task.get("subjob"):
        yield from _of_subjob(subjob)


def _of_subjob(subjob: TaskJson) -> Iterator[str]:
    yield subjob.get("name") or ""
    yield subjob.get("description") or ""
    yield from _texts((subjob.get("inputs") or {}).values())
    yield from _texts((subjob.get("secrets") or {}).values())
    for webhook in subjob.get("webhooks") or ():
        yield webhook["url"]
        yield from _texts((webhook.get("headers") or {}).values())


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
