"""Evaluates a task's texts, and reads from the result what the core itself needs."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeVar

from shared.definition import (
    AuxTask,
    Placement,
    Retry,
    Sidecar,
    TaskDefinition,
    changed,
    encode,
    map_aux_tasks,
    span_of,
)
from shared.expressions import (
    Allowance,
    ExpressionError,
    as_template,
    has_expression,
    render,
    render_value,
    to_text,
)
from shared.jobspec.limits import MAX_KEY
from shared.lifecycle import PlannedTask, RetryPolicy, TaskKind
from shared.messages.queues import DEFAULT_TASK_QUEUE, task_queue_error
from shared.planning.budgets import MOST_OF_A_SUBJOB, MOST_OF_A_TASK, SizeBudget, TooLarge
from shared.planning.file_fields import broken_rules, has_files, rendered_files
from shared.planning.placed import (
    is_placed,
    resources_of,
    rules_of,
    with_defaults_of_its_type,
    with_what_its_worker_reads,
)
from shared.planning.placement_fields import rendered_placement, rendered_wasm
from shared.planning.secrets import SecretTaint
from shared.planning.templates import templates

Names = Mapping[str, object]
A = TypeVar("A", TaskDefinition, AuxTask, Sidecar)
V = TypeVar("V")
Evaluate = Callable[[str, Names, Allowance], V]


class PlanError(Exception):
    """An expression fails, or evaluated the task breaks a rule of the job language."""


class Rendering:
    """Evaluates the fields of one task, or what else is kept of a job.

    Together they may come to so much and no more (see `budgets`). What it makes of secrets is noted
    in `taint`. Every method raises PlanError, which names the field and tells of no secret.
    """

    def __init__(
        self,
        names: Names,
        taint: SecretTaint,
        allowance: Allowance,
        most: int = MOST_OF_A_TASK,
    ) -> None:
        self.taint = taint
        self._names = names
        self._allowance = allowance
        self._budget = SizeBudget(most)

    def of_job(self) -> "Rendering":
        """For the job that the task stands for, which has room of its own."""
        return Rendering(self._names, self.taint, self._allowance, MOST_OF_A_SUBJOB)

    def text(self, field: str, template: str, nil: str | None = None) -> str:
        """The text of `template`; `nil` stands where an expression gives nothing."""
        if not has_expression(template):
            return template
        text = self._evaluated(field, template, partial(render, nil=nil))
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

    def json(self, field: str, value: object) -> object:
        """JSON data with the texts in it evaluated; one that is an expression and nothing else
        becomes what this gives."""
        match value:
            case str() if has_expression(value):
                found = self.value(field, value)
                self._count(field, found)
                return found
            case dict():
                return {key: self.json(f"{field}.{key}", item) for key, item in value.items()}
            case list():
                return [self.json(f"{field}[{n}]", item) for n, item in enumerate(value)]
            case _:
                return value

    def is_wanted(self, task: TaskDefinition) -> bool:
        """What the task's `if` gives."""
        condition = task.condition
        if not condition:
            return True
        value = self.value("if", condition)
        if value not in (True, False, "true", "false"):
            is_hidden = self.taint.reads_secrets(as_template(condition))
            text = f"the text {value!r}" if isinstance(value, str) else to_text(value)
            shown = "what it gives" if is_hidden else text
            raise PlanError(f"if: {shown} is neither true nor false")
        return value in (True, "true")

    def _evaluated(self, field: str, template: str, evaluate: Evaluate[V]) -> V:
        try:
            value = evaluate(template, self._names, self._allowance)
        except ExpressionError as error:
            raise PlanError(f"{field}: {self.taint.told(template, str(error))}") from None
        self.taint.look(template)
        return value

    def _count(self, field: str, value: object) -> None:
        try:
            self._budget.add(value)
        except TooLarge:
            raise PlanError(
                f"{field}: with it the evaluated fields of the task are more than "
                f"{self._budget.most} characters"
            ) from None


def rendered_task(task: TaskDefinition, rendering: Rendering) -> TaskDefinition:
    """`task` evaluated, what it is made of excepted: children are evaluated when they begin.

    Raises PlanError, which names the field.
    """
    if not any(map(has_expression, templates(task))):
        return task
    if is_placed(task):
        return _rendered_placed(task, rendering)
    done = _rendered(task, rendering, "")
    if task.wasm is not None:
        done = changed(done, wasm=_or_plan_error(rendered_wasm, task.wasm, rendering))
    if task.builtin is not None:
        params = rendering.json("builtin.params", task.builtin.params)
        done = changed(done, builtin=changed(task.builtin, params=params))
    if (spawning := task.spawning) is not None:
        parameters = rendering.text("parameters", spawning.parameters)
        done = changed(
            done,
            spawning=changed(spawning, parameters=parameters),
            placement=_placement(task, rendering),
        )
    if has_files(task):
        done = rendered_files(done, rendering.text)
    return map_aux_tasks(done, lambda place, aux: _rendered(aux, rendering, f"{place}."))


def _rendered_placed(task: TaskDefinition, rendering: Rendering) -> TaskDefinition:
    """What stands for its executions; each of those evaluates the rest when it begins."""
    return changed(
        task,
        name=task.name and rendering.text("name", task.name),
        var=task.var and rendering.text("var", task.var),
        placement=_placement(task, rendering),
    )


def _placement(task: TaskDefinition, rendering: Rendering) -> Placement | None:
    return task.placement and _or_plan_error(rendered_placement, task.placement, rendering)


def _or_plan_error(
    render: Callable[[V, Callable[[str, str], str]], V], value: V, rendering: Rendering
) -> V:
    try:
        return render(value, rendering.text)
    except ValueError as error:  # it names the field and the rule
        raise PlanError(str(error)) from None


def _rendered(program: A, rendering: Rendering, where: str) -> A:
    text = rendering.text
    fields: dict[str, object] = {}
    for name in ("name", "var", "image", "queue"):  # a program around a task has not all of them
        if template := getattr(program, name, None):
            fields[name] = text(where + name, template)
    if program.cmd:
        fields["cmd"] = tuple(text(f"{where}cmd[{i}]", v) for i, v in enumerate(program.cmd))
    if program.env:
        fields["env"] = {k: text(f"{where}env.{k}", v) for k, v in program.env.items()}
    if login := program.registry:
        fields["registry"] = changed(
            login,
            username=text(f"{where}registry.username", login.username),
            password=text(f"{where}registry.password", login.password),
        )
    return changed(program, **fields)


def refuse_empty_images(task: TaskDefinition) -> None:
    """Raises PlanError. Without this, a task whose image comes to nothing would run as one without
    an image does: in the shell of the worker, or with the image of the task around it."""

    def check(place: str, program: A) -> A:
        if program.image is not None and not program.image.strip():
            raise PlanError(f"{place}image: the image is empty")
        return program

    check("", task)
    map_aux_tasks(task, lambda place, aux: check(f"{place}.", aux))


def refuse_broken_files(task: TaskDefinition) -> None:
    """Raises PlanError for what breaks a rule once it is evaluated."""
    if has_files(task) and (broken := next(broken_rules(task), None)):
        raise PlanError(broken)


def planned_task(task: TaskDefinition) -> PlannedTask:
    """The core's view of an evaluated task. Raises PlanError."""
    kind = kind_of(task)
    task = with_defaults_of_its_type(task)
    is_run = kind is TaskKind.TASK
    try:
        placement, resources = rules_of(task), resources_of(task) if is_run else None
    except ValueError as error:  # GPUs that can't be meant
        raise PlanError(f"gpus: {error}") from None
    return PlannedTask(
        name=task.name or "",
        queue=_queue(task) if is_run and placement is None else "",
        priority=task.priority,
        timeout=span_of(task.timeout) if is_run else None,
        retry=_retry(task.retry) if is_run else _NO_RETRY,
        var=_var(task),
        definition=encode(with_what_its_worker_reads(task) if is_run else task),
        kind=kind,
        allow_failure=task.allow_failure,
        queue_timeout=span_of(task.queue_timeout),
        resources=resources,
        placement=placement,
    )


def kind_of(task: TaskDefinition) -> TaskKind:
    if task.parallel is not None:
        return TaskKind.PARALLEL
    if task.each is not None:
        return TaskKind.EACH
    if task.spawn is not None:
        return TaskKind.SPAWN
    if task.subjob is not None or task.partition is not None:
        return TaskKind.SUBJOB
    return TaskKind.PLACED if is_placed(task) else TaskKind.TASK


def _queue(task: TaskDefinition) -> str:
    queue = task.queue or DEFAULT_TASK_QUEUE
    if (error := task_queue_error(queue)) is not None:
        raise PlanError(f"queue: {queue!r}: {error}")
    return queue


def _var(task: TaskDefinition) -> str | None:
    if task.var and len(task.var) > MAX_KEY:  # it is part of a key, which Postgres takes no longer
        raise PlanError(f"var: is evaluated longer than {MAX_KEY} characters")
    return task.var or None


_NO_RETRY = RetryPolicy()


def _retry(retry: Retry | None) -> RetryPolicy:
    policy = _NO_RETRY
    if retry is None:
        return policy
    initial, scaling, jitter = retry.initial_delay, retry.scaling_factor, retry.jitter
    return RetryPolicy(
        limit=retry.limit,
        initial_delay=timedelta(seconds=initial.seconds) if initial else policy.initial_delay,
        scaling_factor=policy.scaling_factor if scaling is None else scaling,
        max_delay=span_of(retry.max_delay) or policy.max_delay,
        jitter=policy.jitter if jitter is None else jitter,
        on=frozenset(map(str, retry.on)) if retry.on else None,
        reset_after=span_of(retry.reset_after),
        memory_factor=retry.memory_factor or policy.memory_factor,
        most_memory=int(retry.max_memory.value) if retry.max_memory else None,
    )
