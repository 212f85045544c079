"""Faults of the services' own processes: killed, ended, frozen."""

import asyncio
import signal
from dataclasses import dataclass

from tests.chaos.faults.fault import EVERY_WORKER, Fault
from tests.chaos.system import SERVICES, System


@dataclass(frozen=True)
class _OnOneService(Fault):
    place: str

    @property
    def hits(self) -> frozenset[str]:
        return frozenset({self.place})

    @property
    def restarts(self) -> frozenset[str]:
        return self.hits & EVERY_WORKER


class ServiceKilled(_OnOneService):
    def __str__(self) -> str:
        return f"kill -9 {self.place}"

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.services[self.place].kill)

    async def heal(self, system: System) -> None:
        system.start(self.place)


class ServiceEnded(_OnOneService):
    def __str__(self) -> str:
        return f"SIGTERM {self.place}"

    async def strike(self, system: System) -> None:
        system.services[self.place].send(signal.SIGTERM)

    async def heal(self, system: System) -> None:
        await asyncio.to_thread(system.services[self.place].stop)
        system.start(self.place)


class ServiceFrozen(_OnOneService):
    def __str__(self) -> str:
        return f"freeze {self.place}"

    async def strike(self, system: System) -> None:
        system.services[self.place].send(signal.SIGSTOP)

    async def heal(self, system: System) -> None:
        system.services[self.place].send(signal.SIGCONT)


@dataclass(frozen=True)
class AllServicesKilled(Fault):
    def __str__(self) -> str:
        return "kill -9 all services"

    @property
    def hits(self) -> frozenset[str]:
        return frozenset(SERVICES)

    @property
    def restarts(self) -> frozenset[str]:
        return EVERY_WORKER

    async def strike(self, system: System) -> None:
        for place in SERVICES:
            system.services[place].send(signal.SIGKILL)
        for place in SERVICES:
            await asyncio.to_thread(system.services[place].process.wait)

    async def heal(self, system: System) -> None:
        for place in SERVICES:
            system.start(place)


class AllServicesEnded(AllServicesKilled):
    def __str__(self) -> str:
        return "SIGTERM all services"

    async def strike(self, system: System) -> None:
        for place in SERVICES:
            system.services[place].send(signal.SIGTERM)

    async def heal(self, system: System) -> None:
        ends = (asyncio.to_thread(system.services[place].stop) for place in SERVICES)
        await asyncio.gather(*ends)
        await super().heal(system)
