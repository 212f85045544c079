"""How much of a machine: what a node has, what is free of it, what an execution takes."""

from collections.abc import Mapping
from typing import NamedTuple

UNCOUNTED = 2**62
"""Of a resource that a node doesn't count: more than any machine has."""


class Amounts(NamedTuple):
    """Thousandths of a processor, bytes, bytes, and a number of GPUs. Whole numbers: of fractions
    a sum would not come back to what it was."""

    millicpus: int = 0
    memory: int = 0
    disk: int = 0
    gpus: int = 0

    def plus(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self[0] + other[0], self[1] + other[1], self[2] + other[2], self[3] + other[3]
        )

    def minus(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self[0] - other[0], self[1] - other[1], self[2] - other[2], self[3] - other[3]
        )

    def holds(self, other: "Amounts") -> bool:
        """A resource of which nothing is wanted may be over-committed."""
        return (
            (self[0] >= other[0] or not other[0])
            and (self[1] >= other[1] or not other[1])
            and (self[2] >= other[2] or not other[2])
            and (self[3] >= other[3] or not other[3])
        )

    def to_json(self) -> dict[str, int]:
        return {name: amount for name, amount in self._asdict().items() if amount}


RESOURCES = Amounts._fields
NOTHING = Amounts()


def amounts_of(given: Mapping[str, int]) -> Amounts:
    """What is not named is 0."""
    return Amounts(*(int(given.get(name) or 0) for name in RESOURCES))


def capacity_of(given: Mapping[str, int]) -> Amounts:
    """What a node gives to tasks: what it doesn't name it doesn't count, but GPUs it has none."""
    return Amounts(
        given.get("millicpus", UNCOUNTED),
        given.get("memory", UNCOUNTED),
        given.get("disk", UNCOUNTED),
        given.get("gpus", 0),
    )
