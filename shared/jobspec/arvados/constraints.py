"""What the runtime_constraints of a job of Arvados ask of its tasks: how much memory each has, and
how many run at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.jobspec.problems import Problem

Constraints = Mapping[str, Any]

_BYTES = {"min_ram_mb_per_task": 1024**2, "min_ram_per_task": 1024}
"""The unit of each: the second one is of 2013."""
_COUNTS = ("max_nodes", "max_tasks_per_node")
_LEAST_MEMORY = 6 * 1024**2
"""Any task has so much: no engine takes a limit below it."""
_MOST = 2**30


def broken_constraints(constraints: Constraints) -> Iterator[Problem]:
    """Of those that hold for tasks."""
    image = constraints.get("docker_image")
    if image is not None and not isinstance(image, str):
        yield _problem("docker_image", "must be text")
    for name in (*_BYTES, *_COUNTS):
        value = constraints.get(name)
        if value is not None and not (type(value) is int and 0 <= value <= _MOST):
            yield _problem(name, f"must be a whole number from 0 to {_MOST}", repr(value)[:60])


def memory_of_a_task(constraints: Constraints) -> int | None:
    """In bytes; None: no limit."""
    memory = max((constraints.get(name) or 0) * unit for name, unit in _BYTES.items())
    return memory if memory >= _LEAST_MEMORY else None


def tasks_at_once(constraints: Constraints) -> int:
    """0: any number."""
    nodes, of_each = (constraints.get(name) or 0 for name in _COUNTS)
    return int(nodes * of_each)


def _problem(name: str, rule: str, value: str | None = None) -> Problem:
    place = ("runtime_constraints", name)
    return Problem(".".join(place), rule, value, place=place)
