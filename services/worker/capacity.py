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


@dataclass(frozen=True, slots=True)
class Demand:
    """What one task takes: a slot of its queue, and as much of the machine as it is limited to."""

    queue: str
    amounts: Mapping[Resource, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is, or what is free of it. A resource that is not named is not counted."""

    slots: Mapping[str, int]  # by queue
    amounts: Mapping[Resource, int] = field(default_factory=dict)

    def fits(self, demand: Demand) -> bool:
        return self.slots.get(demand.queue, 0) > 0 and all(
            free >= demand.amounts.get(resource, 0) for resource, free in self.amounts.items()
        )

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
        if not self.amounts:
            return Capacity(slots)
        amounts = {
            resource: free + by * demand.amounts.get(resource, 0)
            for resource, free in self.amounts.items()
        }
        return Capacity(slots, amounts)


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
