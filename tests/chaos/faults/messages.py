"""Faults of the messages on their way: doubled, late and out of order."""

from dataclasses import dataclass

from tests.chaos.faults.fault import Fault
from tests.chaos.system import BROKER, System


@dataclass(frozen=True)
class MessagesDoubled(Fault):
    """Nothing of it is lost or away, so nothing may be started again because of it."""

    def __str__(self) -> str:
        return "every message twice, in no order, some late"

    @property
    def hits(self) -> frozenset[str]:
        return frozenset({BROKER})

    async def strike(self, system: System) -> None:
        system.unruly.touch()

    async def heal(self, system: System) -> None:
        system.unruly.unlink()
