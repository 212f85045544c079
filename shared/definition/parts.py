"""The one walk over what a task consists of: what runs around it, its children, its job."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Protocol, TypeVar

from conveyor.extensions.tasks import Program
from shared.definition.types import AuxTask, SubJobDefinition, TaskDefinition

P = TypeVar("P", bound=Program)
T = TypeVar("T")


class ProgramChange(Protocol):
    """Gives the program back as it shall be, the same one when nothing changes."""

    def __call__(self, program: P, /) -> P: ...


class AuxChange(Protocol):
    """`place` is as errors name it: `pre[0]`."""

    def __call__(self, place: str, aux: "A", /) -> "A": ...


A = TypeVar("A", bound=AuxTask)


def changed(value: T, **fields: Any) -> T:  # noqa: ANN401 - of any dataclass
    """`value` with these fields; itself, at no cost, when it has the very same already."""
    new = {name: item for name, item in fields.items() if getattr(value, name) is not item}
    if not new:
        return value
    made = object.__new__(type(value))
    made.__dict__.update(value.__dict__, **new)  # a seventh of what `replace` takes
    return made


def aux_tasks(task: TaskDefinition) -> Iterator[AuxTask]:
    """All that runs before, after and beside the task."""
    return chain(task.pre, task.post, task.sidecars)


def keeps_files(task: TaskDefinition) -> bool:
    """Whether it, or any task it is made of, may keep artifacts. A sub-job has its own."""
    return any(each.artifacts or each.large_result or each.bundle for each in _parts(task))


def has_placement(task: TaskDefinition) -> bool:
    """Whether it, or any task it is made of, is placed on nodes. A sub-job has its own."""
    return any(each.placement is not None for each in _parts(task))


def _parts(task: TaskDefinition) -> Iterator[TaskDefinition]:
    yield task
    if task.each is not None:
        yield from _parts(task.each.task)
    if task.spawn is not None:
        yield task.spawn.task
    if task.parallel is not None:
        yield from chain.from_iterable(map(_parts, task.parallel.tasks))


def reusing(task: TaskDefinition) -> TaskDefinition:
    """`task` with `reuse` for all that a worker runs of it, at any depth, and that says nothing."""
    if made_of := task.parallel:
        return changed(task, parallel=changed(made_of, tasks=_reusing(made_of.tasks)))
    if each := task.each:
        return changed(task, each=changed(each, task=reusing(each.task)))
    if job := task.subjob:
        return changed(task, subjob=changed(job, tasks=_reusing(job.tasks)))
    if stages := task.partition:
        parts = {name: reusing(getattr(stages, name)) for name in ("split", "task", "assemble")}
        return changed(task, partition=changed(stages, **parts))
    return task if task.reuse is not None or task.placement else changed(task, reuse=True)


def _reusing(tasks: tuple[TaskDefinition, ...]) -> tuple[TaskDefinition, ...]:
    return tuple(map(reusing, tasks))


def map_aux_tasks(task: TaskDefinition, change: AuxChange) -> TaskDefinition:
    """`task` with what runs around it changed."""
    if not (task.pre or task.post or task.sidecars):
        return task
    return changed(
        task,
        pre=_mapped("pre", task.pre, change),
        post=_mapped("post", task.post, change),
        sidecars=_mapped("sidecars", task.sidecars, change),
    )


def map_parts(
    task: TaskDefinition,
    program: ProgramChange,
    subjob: Callable[[SubJobDefinition], SubJobDefinition],
) -> TaskDefinition:
    """`task` with every program and every sub-job in it changed, at any depth.

    Before its parts, in the order of their fields; a sub-job after its tasks.
    """
    task = map_aux_tasks(program(task), lambda _, aux: program(aux))
    if made_of := task.parallel:
        tasks = _same_or_new(made_of.tasks, lambda child: map_parts(child, program, subjob))
        task = changed(task, parallel=changed(made_of, tasks=tasks))
    if made_of_each := task.each:
        child = map_parts(made_of_each.task, program, subjob)
        task = changed(task, each=changed(made_of_each, task=child))
    if made_of_spawn := task.spawn:
        child = map_parts(made_of_spawn.task, program, subjob)
        task = changed(task, spawn=changed(made_of_spawn, task=child))
    if stages := task.partition:
        task = changed(
            task,
            partition=changed(
                stages,
                split=map_parts(stages.split, program, subjob),
                task=map_parts(stages.task, program, subjob),
                assemble=map_parts(stages.assemble, program, subjob),
            ),
        )
    if job := task.subjob:
        tasks = _same_or_new(job.tasks, lambda child: map_parts(child, program, subjob))
        task = changed(task, subjob=subjob(changed(job, tasks=tasks)))
    return task


def _mapped(field: str, items: tuple[A, ...], change: AuxChange) -> tuple[A, ...]:
    new = tuple(change(f"{field}[{place}]", item) for place, item in enumerate(items))
    return _kept(items, new)


def _same_or_new(items: tuple[T, ...], change: Callable[[T], T]) -> tuple[T, ...]:
    return _kept(items, tuple(map(change, items)))


def _kept(old: tuple[T, ...], new: tuple[T, ...]) -> tuple[T, ...]:
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new
