"""References to artifacts: how they are spelled, and which task of a job they mean."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from shared.definition.graph import task_graph
from shared.definition.types import TaskDefinition

Place = tuple[int | str, ...]
STAGES_KEEP = frozenset({"chunks", "results", "output"})
"""The artifacts of partitioned work, by the task of each stage."""


@dataclass(frozen=True)
class Reference:
    """The artifact of a task, or a file or directory `path` in it; of this job, or of `job_id`."""

    task: str
    artifact: str
    path: str = ""
    job_id: str = ""


def parse_reference(text: str) -> Reference:
    """Of `[job/]task.name[/path]`; no id of a job has a point. Raises ValueError."""
    first, slash, rest = text.partition("/")
    job_id = ""
    if slash and "." not in first:
        job_id, (first, _, rest) = first, rest.partition("/")
    task, _, artifact = first.rpartition(".")
    if not task or not artifact or (slash and text.startswith("/")):
        raise ValueError(
            "must be a task's name, a point and the name of its artifact, such as build.report; a "
            "path in it may follow (build.report/index.html), and the id of another job precede"
        )
    path = rest.rstrip("/")
    if path and {"", ".", ".."} & set(path.split("/")):
        raise ValueError("must have a path without '//', '.' and '..'")
    return Reference(task, artifact, path, job_id)


@dataclass(frozen=True)
class Named:
    """A task of a job, where it stands: the 1-based position in the list, then the index of each
    child that leads to it. The task of an `each` stands where that does.

    `place` is the same as a submission spells it. `is_many`: there is more of it at `at` than the
    children of one `each`, as it is within what is repeated.
    """

    at: tuple[int, ...]
    task: TaskDefinition
    place: Place
    is_repeated: bool = False
    is_many: bool = False

    @property
    def is_list(self) -> bool:
        """Whether what is there is children, each with artifacts of its own."""
        made_of = (self.task.each, self.task.spawn, self.task.parallel, self.task.placement)
        return self.is_repeated or any(part is not None for part in made_of)

    def children(self) -> "Iterator[Named]":
        task = self.task
        for index, child in enumerate(task.parallel.tasks if task.parallel else ()):
            place = (*self.place, "parallel", "tasks", index)
            is_many = self.is_repeated
            yield Named((*self.at, index), child, place, self.is_repeated, is_many)
        if task.each is not None:
            place = (*self.place, "each", "task")
            yield Named(self.at, task.each.task, place, True, self.is_repeated)
        if task.spawn is not None:
            place = (*self.place, "spawn", "task")
            yield Named(self.at, task.spawn.task, place, True, self.is_repeated)

    def artifacts(self) -> frozenset[str]:
        """The names of what it keeps, or of what each of its children may keep."""
        if self.task.bundle:
            return frozenset({self.task.bundle})
        if self.task.partition is not None:
            return STAGES_KEEP
        if self.task.subjob is not None:
            inner = TaskList(self.task.subjob.tasks).all
            return frozenset[str]().union(*(child.artifacts() for child in inner))
        if not _has_parts(self.task):
            names = {artifact.name for artifact in self.task.artifacts}
            return frozenset(names | {self.task.large_result or ""} - {""})
        own = [child for child in self.children() if not _has_parts(child.task)]
        return frozenset[str]().union(*(child.artifacts() for child in own))


def _has_parts(task: TaskDefinition) -> bool:
    return any(part is not None for part in (task.parallel, task.each, task.spawn))


class TaskList:
    """The tasks of a job at any depth, by their names; those of its sub-jobs are not its."""

    def __init__(self, tasks: Sequence[TaskDefinition]) -> None:
        self._tasks = tasks

    @cached_property
    def all(self) -> Sequence[Named]:
        found = [
            Named((position,), task, ("tasks", position - 1))
            for position, task in enumerate(self._tasks, start=1)
        ]
        for named in found:  # it grows meanwhile
            found.extend(named.children())
        return found

    def named(self, name: str) -> Sequence[Named]:
        """Those whose `var` it is; without one, those whose name it is."""
        return self._by_var.get(name) or self._by_name.get(name) or ()

    def names(self) -> Sequence[str]:
        return [*self._by_var, *self._by_name]

    @property
    def is_graph(self) -> bool:
        return self._before is not None

    def is_before(self, position: int, other: int) -> bool:
        """Whether the task at `position` is certainly over when that at `other` begins."""
        if self._before is None:
            return position < other
        return bool(self._before[other] >> position & 1)

    @cached_property
    def _by_var(self) -> dict[str, list[Named]]:
        found = defaultdict(list)
        for named in self.all:
            if named.task.var:
                found[named.task.var].append(named)
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[Named]]:
        found = defaultdict(list)
        for named in self.all:
            if named.task.name:
                found[named.task.name].append(named)
        return found

    @cached_property
    def _before(self) -> dict[int, int] | None:
        """In a graph, for each position those before it, as bits."""
        graph = task_graph(self._tasks)
        if graph is None:
            return None
        before: dict[int, int] = {}
        for position in TopologicalSorter(graph).static_order():
            before[position] = 0
            for needed in graph[position]:
                before[position] |= before[needed] | 1 << needed
        return before
