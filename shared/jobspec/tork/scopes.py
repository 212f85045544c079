"""Where a job holds expressions, and what each of them may read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from glob import escape
from typing import NamedTuple, TypeVar

from shared.expressions import TextMap, as_template, expressions_in, has_expression, names_in
from shared.jobspec.event_fields import EVENT_FIELDS
from shared.jobspec.limits import ACCESS_KEY_SUFFIX
from shared.jobspec.problems import Place
from shared.jobspec.subjob_webhooks import reads_own
from shared.jobspec.tork.models import (
    AuxTask,
    EndpointSpec,
    JobFields,
    Partitioned,
    ScheduledJobSpec,
    Spec,
    Subjob,
    SubmittedJob,
    TaskFields,
    TemplateSpec,
    Webhook,
)

T = TypeVar("T")

_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_ITEM: Mapping[str, object] = {}
_STRUCT: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` are what expressions may read, each with a value of its kind; `results` the names
    below `tasks`, `patterns` those that are evaluated; `fields` those of structs, by their path."""

    names: Mapping[str, object]
    results: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def defines_result(self, name: str) -> bool:
        return name in self.results or any(p.fullmatch(name) for p in self.patterns)

    def with_item(self, variable: str) -> "Scope":
        return replace(self, names={**self.names, variable: _ITEM})


class Used(NamedTuple):
    """A text that holds expressions, or is one whose braces may be left out. `is_hidden`: no
    message may repeat a part of it."""

    place: Place
    text: str
    scope: Scope
    is_hidden: bool = False

    @property
    def template(self) -> str:
        return as_template(self.text)


def expressions_of(job: SubmittedJob) -> Iterator[Used]:
    scope = scope_of(job)
    if isinstance(job, ScheduledJobSpec):
        known = {**scope.names, "schedule": TextMap(id="", scheduledAt="")}
        yield from _of_job(job, (), replace(scope, names=known))
    else:
        yield from _of_job(job, (), scope)
    for place, webhook in _listed((), "webhooks", job.webhooks):
        yield from _of_webhook(webhook.event, webhook.if_, place)
        yield from _of_webhook_texts(webhook, place, _sending_scope(job, webhook.event))


def filter_of(endpoint: EndpointSpec) -> Iterator[Used]:
    """What its events are about can be read: `job`, which a task has as well, `schedule`, ..."""
    kinds = {event.partition(".")[0] for event in endpoint.events}
    if "task" in kinds:
        kinds.add("job")
    names = {"event": "", **dict.fromkeys(sorted(kinds), _STRUCT)}
    yield from _of_expression(endpoint.filter, ("filter",), Scope(names, fields=EVENT_FIELDS))


def inputs_read(job: SubmittedJob) -> frozenset[str] | None:
    """The names of the inputs that its expressions read; None: any of them."""
    paths = {path for used in expressions_of(job) for path in names_in(used.template)}
    if paths & {(), ("inputs",)}:
        return None
    return frozenset(path[1] for path in paths if path[0] == "inputs")


def scope_of(job: SubmittedJob | Subjob) -> Scope:
    """What the tasks of a job read. Of an input that is evaluated the type is not known."""
    inputs = {name: _typed(value) for name, value in (job.inputs or {}).items()}
    secrets: Mapping[str, object] = job.secrets or {}
    if isinstance(job, TemplateSpec):  # of what type they are, an expression learns when it is run
        inputs |= dict.fromkeys(job.asked_inputs())
        secrets = {**secrets, **dict.fromkeys(job.asked("secret"), "")}
    tasks = [task for task, _ in all_tasks(job) if task.var]
    variables = [task.var or "" for task in tasks]
    evaluated = [variable for variable in variables if has_expression(variable)]
    lists = [
        task.var or ""
        for task in tasks
        if task.each or task.spawn or task.parallel or (task.placement and not task.is_spawned)
    ]
    results: Mapping[str, object] = TextMap({variable: [] for variable in lists})
    if any(map(has_expression, lists)):  # any of its names may be a list
        results = {}
    return Scope(
        names={
            "inputs": TextMap(inputs),
            "secrets": TextMap({**secrets, **_stored_secrets(job)}),
            "tasks": results,
            "job": TextMap(id="", name=""),
        },
        results=frozenset(variables) - frozenset(evaluated),
        patterns=tuple(map(pattern_of, evaluated)),
    )


def _stored_secrets(job: SubmittedJob | Subjob) -> dict[str, str]:
    """Which of them have an access key is known to the server only."""
    stored = job.stored_secrets if isinstance(job, SubmittedJob) else None
    return {name + end: "" for name in stored or {} for end in ("", ACCESS_KEY_SUFFIX)}


def all_tasks(job: JobFields, place: Place = ()) -> Iterator[tuple[TaskFields, Place]]:
    """The tasks of a job, at any depth, with their places; those of its sub-jobs are not its."""
    waiting = [(task, at) for at, task in _listed(place, "tasks", _tasks_of(job))]
    while waiting:
        task, at = waiting.pop(0)
        yield task, at
        if task.each is not None:
            waiting.append((task.each.task, (*at, "each", "task")))
        if task.spawn is not None:
            waiting.append((task.spawn.task, (*at, "spawn", "task")))
        if task.parallel is not None:
            inner = _listed((*at, "parallel"), "tasks", task.parallel.tasks)
            waiting.extend((child, below) for below, child in inner)


def subjobs_of(job: JobFields, place: Place = ()) -> Iterator[tuple[Subjob, Place]]:
    """Its sub-jobs, and theirs."""
    for task, at in all_tasks(job, place):
        if task.subjob is not None:
            below = (*at, "subjob")
            yield task.subjob, below
            yield from subjobs_of(task.subjob, below)


def _tasks_of(job: JobFields) -> list[TaskFields]:
    return list(job.tasks) if isinstance(job, SubmittedJob | Subjob) else []


def _listed(place: Place, field: str, items: Sequence[T] | None) -> Iterator[tuple[Place, T]]:
    for index, item in enumerate(items or ()):
        yield (*place, field, index), item


def _typed(value: object) -> object:
    return None if isinstance(value, str) and has_expression(value) else value


def pattern_of(variable: str) -> re.Pattern[str]:
    """What a name that holds expressions may come to."""
    # A glob gives back nothing that a `*` has taken: with `.*` six expressions take seconds.
    return re.compile(translate("*".join(map(escape, _EXPRESSION.split(variable)))))


def _of_job(job: SubmittedJob | Subjob, place: Place, scope: Scope) -> Iterator[Used]:
    yield from _of_expression(job.output, (*place, "output"), scope)
    for at, task in _listed(place, "tasks", _tasks_of(job)):
        yield from _of_task(task, at, scope)


def _of_task(task: TaskFields, place: Place, scope: Scope) -> Iterator[Used]:
    yield from _of_expression(task.if_, (*place, "if"), scope)
    for name in ("queue", "var"):
        yield from _of_text(getattr(task, name), (*place, name), scope)
    yield from _of_program(task, place, scope)
    for aux_field in ("pre", "post", "sidecars"):
        for at, aux in _listed(place, aux_field, getattr(task, aux_field)):
            yield from _of_program(aux, at, scope)
    for files_field in ("sources", "artifacts", "publish"):
        for at, spec in _listed(place, files_field, getattr(task, files_field)):
            yield from _of_spec(spec, at, scope)
    yield from _of_text(task.large_result, (*place, "largeResult"), scope)
    for part_field in ("placement", "wasm"):
        if (part := getattr(task, part_field)) is not None:
            yield from _of_spec(part, (*place, part_field), scope)
    yield from _of_parts(task, place, scope)


def _of_parts(task: TaskFields, place: Place, scope: Scope) -> Iterator[Used]:
    if task.parallel is not None:
        for at, child in _listed((*place, "parallel"), "tasks", task.parallel.tasks):
            yield from _of_task(child, at, scope)
    if task.each is not None:
        if isinstance(task.each.list_, str):
            yield from _of_expression(task.each.list_, (*place, "each", "list"), scope)
        below = scope.with_item(task.each.var or "item")
        yield from _of_task(task.each.task, (*place, "each", "task"), below)
    if task.spawn is not None:
        below = scope.with_item("item")
        yield from _of_task(task.spawn.task, (*place, "spawn", "task"), below)
    if task.subjob is not None:
        yield from _of_subjob(task.subjob, (*place, "subjob"), scope)
    if task.partition is not None:
        yield from _of_partition(task.partition, (*place, "partition"), scope)


def _of_partition(partition: Partitioned, place: Place, scope: Scope) -> Iterator[Used]:
    """Its stages read of the job around them no more than inputs and secrets."""
    for name in ("partitioner", "app", "assembler"):
        params = getattr(partition.params, name, None)
        yield from _of_json(params, (*place, "params", name), scope)
    names = {name: scope.names[name] for name in ("inputs", "secrets", "job")}
    inner = Scope({**names, "tasks": TextMap({})})
    for name in ("split", "assemble"):
        stage = getattr(partition, name)
        yield from _of_json(stage.params, (*place, name, "params"), inner)
        yield from _of_task(stage, (*place, name), inner)
    yield from _of_task(partition.task, (*place, "task"), inner.with_item("item"))


def _of_program(program: TaskFields | AuxTask, place: Place, scope: Scope) -> Iterator[Used]:
    for name in ("name", "image"):
        yield from _of_text(getattr(program, name, None), (*place, name), scope)
    for at, argument in _listed(place, "cmd", program.cmd):
        yield from _of_text(argument, at, scope)
    yield from _of_texts(program.env, (*place, "env"), scope)
    if program.registry is not None:
        login, at = program.registry, (*place, "registry")
        yield from _of_text(login.username, (*at, "username"), scope)
        yield from _of_text(login.password, (*at, "password"), scope, is_hidden=True)


_LOGIN = frozenset(("access_key", "secret_key", "session_token"))


def _of_spec(spec: Spec, place: Place, scope: Scope) -> Iterator[Used]:
    """All texts of what has no field that is taken as it is written."""
    for name, info in type(spec).model_fields.items():
        at = (*place, info.alias or name)
        value = getattr(spec, name)
        parts = enumerate(value) if isinstance(value, list) else ()
        for where, part in [(at, value), *(((*at, index), item) for index, item in parts)]:
            match part:
                case str() as text:
                    yield from _of_text(text, where, scope, is_hidden=name in _LOGIN)
                case dict() as texts:
                    yield from _of_texts(texts, where, scope)
                case Spec():
                    yield from _of_spec(part, where, scope)


def _of_subjob(subjob: Subjob, place: Place, scope: Scope) -> Iterator[Used]:
    """What it is given is evaluated in the job around it, the rest within itself."""
    for name in ("name", "description"):
        yield from _of_text(getattr(subjob, name), (*place, name), scope)
    inputs = subjob.inputs or {}
    texts = {name: value for name, value in inputs.items() if isinstance(value, str)}
    yield from _of_texts(texts, (*place, "inputs"), scope)
    yield from _of_texts(subjob.secrets, (*place, "secrets"), scope, is_hidden=True)
    for at, webhook in _listed(place, "webhooks", subjob.webhooks):
        yield from _of_webhook(webhook.event, webhook.if_, at)
        for used in _of_webhook_texts(webhook, at, scope):
            yield from _where_read(used, subjob, webhook.event)
    yield from _of_job(subjob, place, scope_of(subjob))


def _of_webhook_texts(webhook: Webhook, place: Place, scope: Scope) -> Iterator[Used]:
    yield from _of_text(webhook.url, (*place, "url"), scope)
    yield from _of_text(webhook.secret, (*place, "secret"), scope, is_hidden=True)
    yield from _of_texts(webhook.headers, (*place, "headers"), scope)


def _sending_scope(job: SubmittedJob | Subjob, event: str | None) -> Scope:
    """What is read when an event is sent: no results of tasks."""
    return Scope({**scope_of(job).names, **_hook_names(event)}, fields=EVENT_FIELDS)


def _where_read(used: Used, subjob: Subjob, event: str | None) -> Iterator[Used]:
    """Each expression of a text of a sub-job's webhook, with what it reads there."""
    own = _sending_scope(subjob, event)
    for source in expressions_in(used.text):
        is_own = reads_own(source, subjob.inputs or {}, subjob.secrets or {})
        yield used._replace(text="{{ " + source + " }}", scope=own if is_own else used.scope)


def _of_webhook(event: str | None, condition: str | None, place: Place) -> Iterator[Used]:
    yield from _of_expression(
        condition, (*place, "if"), Scope(_hook_names(event), fields=EVENT_FIELDS)
    )


def _hook_names(event: str | None) -> Mapping[str, object]:
    of_task = (event or "").startswith("task.")
    return {"job": _STRUCT, "task": _STRUCT} if of_task else {"job": _STRUCT}


def _of_expression(text: str | None, place: Place, scope: Scope) -> Iterator[Used]:
    if text:
        yield Used(place, text, scope)


def _of_texts(
    texts: Mapping[str, str | None] | None, place: Place, scope: Scope, *, is_hidden: bool = False
) -> Iterator[Used]:
    for name, text in (texts or {}).items():
        yield from _of_text(text, (*place, name), scope, is_hidden=is_hidden)


def _of_json(value: object, place: Place, scope: Scope) -> Iterator[Used]:
    match value:
        case str():
            yield from _of_text(value, place, scope)
        case dict():
            for key, item in value.items():
                yield from _of_json(item, (*place, key), scope)
        case list():
            for index, item in enumerate(value):
                yield from _of_json(item, (*place, index), scope)


def _of_text(
    text: str | None, place: Place, scope: Scope, *, is_hidden: bool = False
) -> Iterator[Used]:
    if text and has_expression(text):
        yield Used(place, text, scope, is_hidden)
