"""What a fault is: something that can be struck and healed, and says what it hits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from tests.chaos.system import BROKER, DATABASE, SERVICES, WORKERS, System


@dataclass(frozen=True)
class Fault(ABC):
    """`str(fault)` is its line in the plan.

    `hits` are the parts it needs or breaks: two faults that share none can strike together.
    `restarts` are the workers whose tasks may be started a second time because of it.
    `lasts_seconds` is how long, where that is not left to the plan.
    """

    @property
    @abstractmethod
    def hits(self) -> frozenset[str]: ...

    @property
    def restarts(self) -> frozenset[str]:
        return frozenset()

    @property
    def lasts_seconds(self) -> float | None:
        return None

    @abstractmethod
    async def strike(self, system: System) -> None: ...

    async def heal(self, system: System) -> None:  # noqa: B027 - some faults are over at once
        """Undo it; return when that is done, not when the system is well again."""

    async def complaints(self, system: System) -> list[str]:
        """What should have come of it and hasn't. Asked when all is final."""
        return []


EVERY_PART = frozenset({*SERVICES, BROKER, DATABASE})
EVERY_WORKER = frozenset(WORKERS)
