"""What the runtime_constraints of a job of Arvados ask of its tasks: how much memory each has, how
many run at a time, and on which nodes."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from shared.definition import Amount, Placement, Resources
from shared.jobspec.problems import Problem

Constraints = Mapping[str, Any]

_BYTES = {"min_ram_mb_per_task": 1024**2, "min_ram_per_task": 1024}
"""The unit of each: the second one is of 2013."""
_CORES, _RAM = "min_cores_per_node", {"min_ram_mb_per_node": 1024**2, "min_ram_per_node": 1024}
_SCRATCH = {"min_scratch_mb_per_node": 1024**2}
_COUNTS = ("min_nodes", "max_nodes", "max_tasks_per_node", _CORES)
_LEAST_MEMORY = 6 * 1024**2
"""Any task has so much: no engine takes a limit below it."""
_MOST = 2**30


def broken_constraints(constraints: Constraints) -> Iterator[Problem]:
    """Of those that hold for tasks."""
    image = constraints.get("docker_image")
    if image is not None and not isinstance(image, str):
        yield _problem("docker_image", "must be text")
    for name in (*_BYTES, *_COUNTS, *_RAM, *_SCRATCH):
        value = constraints.get(name)
        if value is not None and not _is_number(value):
            yield _problem(name, f"must be a whole number from 0 to {_MOST}", repr(value)[:60])
    least, most = constraints.get("min_nodes"), constraints.get("max_nodes")
    if _is_number(least) and _is_number(most) and least > most > 0:
        yield _problem("min_nodes", f"must not be more than max_nodes, {most}")


def image_of(constraints: Constraints) -> str:
    """Of its tasks; empty: none."""
    return constraints.get("docker_image") or ""


def memory_of_a_task(constraints: Constraints) -> int | None:
    """In bytes; None: no limit."""
    memory = _bytes(constraints, _BYTES)
    return memory if memory >= _LEAST_MEMORY else None


def tasks_at_once(constraints: Constraints) -> int:
    """0: any number."""
    return _count(constraints, "max_nodes") * _count(constraints, "max_tasks_per_node")


def placement_of(constraints: Constraints) -> Placement | None:
    """On which nodes the tasks run, and how many on each; None: on whatever serves their queue."""
    least = _count(constraints, "min_nodes")
    node = Resources(
        cpus=_amount(_count(constraints, _CORES), ""),
        memory=_amount(_bytes(constraints, _RAM), "b"),
        disk=_amount(_bytes(constraints, _SCRATCH), "b"),
    )
    placement = Placement(
        node=None if node == Resources() else node,
        max_per_node=_count(constraints, "max_tasks_per_node"),
        max_nodes=_count(constraints, "max_nodes"),
        min_nodes=0 if least == 1 else least,
    )
    return None if placement == Placement() else placement


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _MOST


def _count(constraints: Constraints, name: str) -> int:
    """0: no limit."""
    return constraints.get(name) or 0


def _bytes(constraints: Constraints, units: Mapping[str, int]) -> int:
    return max(_count(constraints, name) * unit for name, unit in units.items())


def _amount(value: int, unit: str) -> Amount | None:
    return Amount(value, f"{value}{unit}") if value else None


def _problem(name: str, rule: str, value: str | None = None) -> Problem:
    place = ("runtime_constraints", name)
    return Problem(".".join(place), rule, value, place=place)
