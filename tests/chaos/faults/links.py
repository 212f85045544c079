"""Faults of the network between one service and one server."""

from dataclasses import dataclass

from tests.chaos.faults.fault import EVERY_WORKER, Fault
from tests.chaos.system import System


@dataclass(frozen=True)
class LinkCut(Fault):
    """Longer than a lease, so a worker that is cut off must have let go of its tasks."""

    place: str
    server: str

    def __str__(self) -> str:
        return f"cut {self.place} off from the {self.server}"

    @property
    def hits(self) -> frozenset[str]:
        return frozenset({self.place, self.server})

    @property
    def restarts(self) -> frozenset[str]:
        return frozenset({self.place}) & EVERY_WORKER

    async def strike(self, system: System) -> None:
        system.links[self.place, self.server].cut()

    async def heal(self, system: System) -> None:
        system.links[self.place, self.server].mend()


@dataclass(frozen=True)
class LinkSlow(LinkCut):
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:g} s from {self.place} to the {self.server}"

    async def strike(self, system: System) -> None:
        system.links[self.place, self.server].slow_down(self.seconds)


@dataclass(frozen=True)
class LinkChoked(LinkCut):
    bytes_a_second: int

    def __str__(self) -> str:
        return f"{self.bytes_a_second} bytes/s from {self.place} to the {self.server}"

    async def strike(self, system: System) -> None:
        system.links[self.place, self.server].choke(self.bytes_a_second)
