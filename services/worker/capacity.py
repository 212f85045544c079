"""What a worker has room for, and what a task takes of it. Pure: frozen values in, values out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.gpus import gpus_wanted


class Resource(Enum):
    """Counted in whole numbers: of fractions a sum would not come back to what it was."""

    MILLICPUS = "thousandths of a CPU"
    MEMORY = "bytes of memory"
    DISK = "bytes of disk"
    GPUS = "GPUs"

    @property
    def key(self) -> str:
        """As messages and rows spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Demand:
    """What one task takes: a slot of its queue, and as much of the machine as it is limited to.

    `is_placed`: it was put here because it fits, so it does not start where it doesn't.
    """

    queue: str
    amounts: Mapping[Resource, int] = field(default_factory=dict)
    is_placed: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is, or what is free of it. A resource that is not named is not counted.

    Tasks of queues are held back by those of `limited` alone: of others they can take more than is
    free, which placed executions then wait for.
    """

    slots: Mapping[str, int]  # by queue
    amounts: Mapping[Resource, int] = field(default_factory=dict)
    limited: frozenset[Resource] = frozenset()

    def fits(self, demand: Demand) -> bool:
        return self.slots.get(demand.queue, 0) > 0 and not self.lacking(demand)

    def lacking(self, demand: Demand) -> list[Resource]:
        """Of what there is too little for `demand`."""
        return [
            resource
            for resource, wanted in demand.amounts.items()
            if (demand.is_placed or resource in self.limited)
            and wanted > max(self.amounts.get(resource, wanted), 0)
        ]

    def reserve(self, demand: Demand) -> "Capacity":
        """What is left. Raises ValueError for what doesn't fit."""
        if not self.fits(demand):
            raise ValueError(f"{demand} doesn't fit in {self}")
        return self._changed(demand, -1)

    def release(self, demand: Demand) -> "Capacity":
        return self._changed(demand, 1)

    def within(self, demand: Demand) -> Demand:
        """`demand`, or all that there is where it is more: such a task runs alone.

        Its limits say what it may use at the most, not what it needs.
        """
        amounts = {
            resource: min(wanted, self.amounts.get(resource, wanted))
            for resource, wanted in demand.amounts.items()
        }
        return replace(demand, amounts=amounts)

    def _changed(self, demand: Demand, by: int) -> "Capacity":
        slots = {**self.slots, demand.queue: self.slots[demand.queue] + by}
        if not demand.amounts:
            return replace(self, slots=slots)
        amounts = {
            resource: free + by * demand.amounts.get(resource, 0)
            for resource, free in self.amounts.items()
        }
        return replace(self, slots=slots, amounts=amounts)


def demand_by(resources: Mapping[str, int], queue: str, *, is_placed: bool = False) -> Demand:
    """As a message names them; of what this version doesn't know it has no count."""
    amounts = {each: resources[each.key] for each in Resource if each.key in resources}
    return Demand(queue, amounts, is_placed)


def demand_of(spec: TaskSpec, queue: str) -> Demand:
    """All that runs at once counts: a task has its limits, and each of its sidecars the same.

    Raises RuntimeRejected for GPUs that can't be meant.
    """
    programs = 1 + len(spec.sidecars)
    return Demand(
        queue,
        {
            Resource.MILLICPUS: round((spec.cpus or 0) * 1000) * programs,
            Resource.MEMORY: (spec.memory_bytes or 0) * programs,
            Resource.GPUS: gpus_wanted(spec.gpus) if spec.gpus else 0,
        },
    )
