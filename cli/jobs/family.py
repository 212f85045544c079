"""A job's tasks as a tree: the submitted ones in order, below each what it is made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cli.api.views import JobView, TaskView

WAITING = "WAITING"
"""Our word for a task that has no row yet: its turn hasn't come."""

_ENDED_WELL = ("COMPLETED", "SKIPPED")


@dataclass(frozen=True, slots=True)
class Branch:
    """A task and its children. `task` is None before its turn; `left_out` counts those children
    by state that aren't among `children`."""

    name: str
    task: TaskView | None
    children: tuple["Branch", ...] = ()
    left_out: Mapping[str, int] | None = None

    @property
    def state(self) -> str:
        return self.task.state if self.task else WAITING


def family(job: JobView, most: int | None) -> Sequence[Branch]:
    """The latest attempt at each task. No more than `most` children of a task are taken (None:
    all), those that need a look first."""
    by_parent: dict[str | None, list[TaskView]] = defaultdict(list)
    for task in job.execution:
        by_parent[task.parent_id].append(task)
    latest = {task.position: task for task in _latest(by_parent[None])}
    return [
        _branch(name, latest.get(position), by_parent, most)
        for position, name in enumerate(job.task_names, start=1)
    ]


def _branch(
    name: str,
    task: TaskView | None,
    by_parent: Mapping[str | None, list[TaskView]],
    most: int | None,
) -> Branch:
    if task is None:
        return Branch(name, None)
    children = _latest(by_parent.get(task.id, ()))
    taken = _taken(children, most)
    left_out = Counter(child.state for child in children if child.id not in taken)
    return Branch(
        task.name or name,
        task,
        tuple(
            _branch(child.name, child, by_parent, most) for child in children if child.id in taken
        ),
        left_out or None,
    )


def _taken(children: Sequence[TaskView], most: int | None) -> frozenset[str]:
    """The ids of those that didn't end well or still run, then of the first, up to `most`."""
    if most is None:
        return frozenset(child.id for child in children)
    notable = [child for child in children if child.state not in (*_ENDED_WELL, "CREATED")]
    return frozenset(islice(_ids_once([*notable, *children]), most))


def _ids_once(tasks: Iterable[TaskView]) -> Iterator[str]:
    return iter(dict.fromkeys(task.id for task in tasks))


def _latest(attempts: Iterable[TaskView]) -> Sequence[TaskView]:
    """One for each child index, in order. Without an index every row stands for itself."""
    found: dict[object, TaskView] = {}
    for task in attempts:
        key = _seat(task)
        before = found.get(key)
        if before is None or _moment(task) >= _moment(before):
            found[key] = task
    return sorted(found.values(), key=lambda task: (task.position, task.child_index or 0))


def _seat(task: TaskView) -> object:
    if task.parent_id is None:
        return task.position
    return task.id if task.child_index is None else task.child_index


def _moment(task: TaskView) -> tuple[int, str]:
    return task.attempt, task.created_at or ""
