"""A task or job as submitted, where its expressions stand, and which stored variables they read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.definition import (
    AuxTask,
    Defaults,
    JobDefinition,
    Permission,
    SubJobDefinition,
    TaskDefinition,
    Webhook,
    aux_tasks,
    encode,
)
from shared.expressions import ExpressionError, as_template, has_expression, names_in
from shared.jobspec.event_fields import PHASE_CHANGE
from shared.jobspec.partition.stages import PARAMS
from shared.lifecycle import Scope, TaskKey, TaskPosition, derived_id
from shared.planning.file_fields import file_templates
from shared.planning.new_job import UnsavedJob
from shared.planning.placement_fields import placement_templates


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSource:
    """What expressions of a job may read, besides the results of its tasks; and what it leaves to
    the jobs it makes."""

    job_id: str
    name: str
    inputs: Mapping[str, object]
    sealed: str | None
    defaults: Defaults | None
    output: str | None
    created_by: str | None = None
    permissions: Sequence[Permission] = ()
    readers: Sequence[str] = ()
    schedule_id: str | None = None
    schedule_at: datetime | None = None
    uploads: Mapping[str, str] = field(default_factory=dict)
    phase_webhooks: Sequence[Webhook] = ()
    """As they are kept: those that are told of phases."""


@dataclass(frozen=True, slots=True)
class Replan(TaskKey):
    """A placed task that has begun and takes on a new version; `keeps` as in `TaskReplanned`."""

    keeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource:
    """A task as submitted. `child_id` is the row of one that waited for its turn; `task_id` is the
    row it is or will be. `unreadable` says why what was sealed of it can't be read. A child is made
    from `spec_version` of its job. `replans` is the task that is planned once more."""

    job: JobSource
    position: int
    task: TaskDefinition
    task_id: str
    child_id: str | None = None
    scope: Scope | None = None
    unreadable: str | None = None
    spec_version: int = 1
    replans: Replan | None = None

    @property
    def ref(self) -> TaskKey | TaskPosition:
        if self.child_id is not None:
            return TaskKey(self.job.job_id, self.child_id)
        return TaskPosition(self.job.job_id, self.position)


def variables_read(source: JobSource | TaskSource) -> set[str] | None:
    """The names below `tasks` that its expressions read; None when only running them tells."""
    return _names_below("tasks", filter(has_expression, _all_templates(source)))


def inputs_read(job: JobDefinition) -> set[str] | None:
    """The names of the inputs that its expressions read, and perhaps more: any of its texts may be
    an expression without braces. None when only running them tells."""
    return _names_below("inputs", map(as_template, _texts(encode(job))))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from _texts(list(value.values()))
        case list():
            for item in value:
                yield from _texts(item)


def _names_below(base: str, expressions: Iterable[str]) -> set[str] | None:
    read: set[str] = set()
    for template in expressions:
        try:
            paths = names_in(template)
        except ExpressionError:
            continue  # it fails when it is evaluated, whatever it reads
        for path in paths:
            if path in ((), (base,)):  # () is everything there is
                return None
            if path[0] == base:
                read.add(path[1])
    return read


def templates(task: TaskDefinition) -> Iterator[str]:
    """Every text of a task that is evaluated when it begins, its condition and its list apart."""
    yield task.var or ""
    yield task.queue or ""
    yield from _of_program(task)
    for aux in aux_tasks(task):
        yield from _of_program(aux)
    yield from file_templates(task)
    yield from placement_templates(task)
    if task.builtin is not None:
        yield from _texts(task.builtin.params)
    if task.spawning is not None:
        yield task.spawning.parameters


def _of_program(program: TaskDefinition | AuxTask) -> Iterator[str]:
    yield program.name or ""
    yield program.image or ""
    yield from program.cmd
    yield from program.env.values()
    if program.registry is not None:
        yield program.registry.username
        yield program.registry.password


def _all_templates(source: JobSource | TaskSource) -> Iterator[str]:
    if isinstance(source, JobSource):
        yield as_template(source.output or "")
        return
    task = source.task
    yield from templates(task)
    if task.condition:
        yield as_template(task.condition)
    if task.each is not None and isinstance(task.each.items, str):
        yield as_template(task.each.items)
    if task.each is not None:
        yield task.each.chunks or ""
    if task.subjob is not None:
        yield from _of_subjob(task.subjob)
    if task.partition is not None:
        for field in PARAMS:
            yield from _texts(getattr(task.partition, field))


def _of_subjob(subjob: SubJobDefinition) -> Iterator[str]:
    yield subjob.name
    yield subjob.description or ""
    yield from (value for value in subjob.inputs.values() if isinstance(value, str))
    yield from subjob.secrets.values()
    for webhook in subjob.webhooks:
        yield webhook.url
        yield from webhook.headers.values()
        yield webhook.secret or ""


Source = TaskSource | JobSource
"""A task to begin, or a job whose output is to be evaluated."""

Variables = dict[str, dict[str, str]]
"""Job id, name, value."""


_FEW = 100
_FEW_CHARACTERS = 4_096
_COSTLY = ("(", "#", "..")
"""What an expression must hold to take long: calls, predicates and ranges."""


def are_quick(sources: Iterable[Source]) -> bool:
    """Whether planning all of them takes a moment: a few short texts that only name values."""
    texts = characters = 0
    for source in sources:
        if isinstance(source, TaskSource) and _is_large(source.task):
            return False
        for text in _all_templates(source):
            texts += 1
            characters += len(text)
            if texts > _FEW or characters > _FEW_CHARACTERS:
                return False
            if has_expression(text) and any(mark in text for mark in _COSTLY):
                return False
    return True


def _is_large(task: TaskDefinition) -> bool:
    parts = (task.each, task.spawn, task.subjob, task.partition, task.parallel, task.placement)
    has_parts = any(part is not None for part in parts)
    return has_parts or len(task.run or "") > _FEW_CHARACTERS


def job_of(source: Source) -> JobSource:
    return source.job if isinstance(source, TaskSource) else source


def unsaved_job_source(unsaved: UnsavedJob) -> JobSource:
    new, definition = unsaved.new, unsaved.new.definition
    return JobSource(
        job_id=new.job.id,
        name=definition.name,
        inputs=definition.inputs,
        sealed=unsaved.sealed,
        defaults=definition.defaults,
        output=definition.output,
        created_by=new.created_by,
        permissions=definition.permissions,
        readers=new.readers,
        schedule_id=new.schedule_id,
        schedule_at=new.schedule_at,
        uploads=definition.uploads,
        phase_webhooks=[one for one in definition.webhooks if one.event == PHASE_CHANGE],
    )


def listed_task_source(
    job: JobSource, position: int, task: TaskDefinition, restarts: int
) -> TaskSource:
    """The task at `position` of the job's own list, in the run after so many restarts."""
    task_id = derived_id(job.job_id, position, restarts)
    return TaskSource(job=job, position=position, task=task, task_id=task_id)


WantedVariable = tuple[str, str | None]
"""Job id and name; None: all of the job."""


def variables_wanted(sources: Iterable[Source]) -> set[WantedVariable]:
    """The variables that `sources` read."""
    wanted: set[WantedVariable] = set()
    seen: set[tuple[str, int]] = set()
    for source in sources:
        job_id = job_of(source).job_id
        # Each text once: the children of one task all read the same.
        text = id(source.task) if isinstance(source, TaskSource) else 0
        if (job_id, text) in seen:
            continue
        seen.add((job_id, text))
        names = variables_read(source)
        wanted |= {(job_id, name) for name in ((None,) if names is None else names)}
    return wanted
