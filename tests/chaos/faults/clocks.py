"""Faults of the clocks: that of one host is set."""

from dataclasses import dataclass

from tests.chaos.faults.fault import Fault
from tests.chaos.system import System


@dataclass(frozen=True)
class ClockSet(Fault):
    """And set right again when it heals. Nobody is away because of it: nothing may start again."""

    place: str
    seconds: int

    def __str__(self) -> str:
        how = "forward" if self.seconds > 0 else "back"
        return f"set the clock of {self.place} {how} by {abs(self.seconds)} s"

    @property
    def hits(self) -> frozenset[str]:
        return frozenset({self.place})

    async def strike(self, system: System) -> None:
        system.clock(self.place).set(self.seconds)

    async def heal(self, system: System) -> None:
        system.clock(self.place).set(0)
