"""The rules of `needs`: each names one other task of its list, and no task waits for itself."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from shared.definition.graph import Listed, find_cycle, task_graph
from shared.jobspec.limits import MAX_NEEDS
from shared.jobspec.problems import Breach, refuse

_SHOWN_OF_A_CYCLE = 6


T = TypeVar("T", bound=Listed)


def refuse_bad_needs(tasks: list[T]) -> list[T]:
    """`tasks` unchanged; for pydantic, raises what is wrong with their `needs`."""
    if any(task.needs is not None for task in tasks):
        refuse(list(_size_breaches(tasks)))
        refuse(list(_name_breaches(tasks)))
        refuse(list(_cycle_breaches(tasks)))
    return tasks


def _size_breaches(tasks: Sequence[Listed]) -> Iterator[Breach]:
    if sum(len(task.needs or ()) for task in tasks) > MAX_NEEDS:
        yield Breach((), f"must have at most {MAX_NEEDS} needs in all")


def _name_breaches(tasks: Sequence[Listed]) -> Iterator[Breach]:
    named = Counter(task.name for task in tasks)
    for index, task in enumerate(tasks):
        met: set[str] = set()
        for place, need in enumerate(task.needs or ()):
            if rule := _broken_by(need, task, named, met):
                yield Breach((index, "needs", place), rule, need)
            met.add(need)


def _broken_by(
    need: str, task: Listed, named: Mapping[str | None, int], met: set[str]
) -> str | None:
    if need not in named:
        return "must be the name of a task in the same list"
    if named[need] > 1:
        return f"{named[need]} tasks of the list have this name"
    if need == task.name:
        return "a task must not need itself"
    return "is listed twice" if need in met else None


def _cycle_breaches(tasks: Sequence[Listed]) -> Iterator[Breach]:
    graph = task_graph(tasks)
    cycle = find_cycle(graph or {})
    if not cycle:
        return
    names = [tasks[position - 1].name or f"task {position}" for position in cycle]
    first = next(p for p in cycle if tasks[p - 1].needs is not None)
    rule = f"must not make a cycle: {_chain(names)}"
    if any(tasks[position - 1].needs is None for position in cycle):
        rule += " (a task without needs waits for all tasks listed before it)"
    yield Breach((first - 1, "needs"), rule)


def _chain(names: Sequence[str]) -> str:
    shown = [repr(name) for name in [*names, names[0]]]
    if len(shown) > _SHOWN_OF_A_CYCLE + 1:
        shown = [*shown[: _SHOWN_OF_A_CYCLE - 1], "…", shown[-1]]
    return " waits for ".join(shown)
