"""Which tasks of a list wait for which: the one reading of `needs`."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

Graph = dict[int, list[int]]
"""For each 1-based position the positions it waits for, without repetition."""


class Listed(Protocol):
    """An entry of a list of tasks."""

    @property
    def name(self) -> str | None: ...
    @property
    def needs(self) -> Sequence[str] | None: ...


def task_graph(tasks: Sequence[Listed]) -> Graph | None:
    """What the tasks of a job wait for; None for a plain list, run in its order.

    A task without `needs` is a barrier: it waits for all tasks listed before it, which is said by
    those since the barrier before and that barrier, so that the graph stays linear in size. A need
    that names no task is passed over, one that names several means the last: neither can be
    submitted.
    """
    if all(task.needs is None for task in tasks):
        return None
    positions = {task.name: position for position, task in enumerate(tasks, start=1)}
    graph: Graph = {}
    since_barrier: list[int] = []
    for position, task in enumerate(tasks, start=1):
        needs = task.needs
        if needs is None:
            graph[position] = since_barrier
            since_barrier = [position]
        else:
            graph[position] = [
                positions[name] for name in dict.fromkeys(needs) if name in positions
            ]
            since_barrier.append(position)
    return graph


def find_cycle(graph: Graph) -> list[int]:
    """Positions of which each waits for the next and the last for the first; empty if there are
    none, so that every task comes to its turn."""
    blocked = _never_free(graph)
    if not blocked:
        return []
    path: dict[int, None] = {}  # in the order they were met
    position = min(blocked)
    while position not in path:
        path[position] = None
        position = next(needed for needed in graph[position] if needed in blocked)
    met = list(path)
    return met[met.index(position) :]


def _never_free(graph: Graph) -> set[int]:
    """Those left when again and again every task whose needs are done is taken to be done."""
    waiting = {position: len(needed) for position, needed in graph.items()}
    dependents: Graph = {position: [] for position in graph}
    for position, needed in graph.items():
        for one in needed:
            dependents[one].append(position)
    free = deque(position for position, count in waiting.items() if count == 0)
    while free:
        for dependent in dependents[free.popleft()]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                free.append(dependent)
    return {position for position, count in waiting.items() if count > 0}
