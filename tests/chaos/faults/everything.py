"""Everything away at once: services, RabbitMQ and Postgres are killed in the same moment."""

from dataclasses import dataclass

from tests.chaos.faults.broker import BrokerKilled
from tests.chaos.faults.database import DatabaseKilled
from tests.chaos.faults.fault import EVERY_PART, EVERY_WORKER, Fault
from tests.chaos.faults.services import AllServicesKilled
from tests.chaos.system import System

_PARTS: tuple[Fault, ...] = (AllServicesKilled(), BrokerKilled(), DatabaseKilled())


@dataclass(frozen=True)
class EverythingAway(Fault):
    def __str__(self) -> str:
        return "kill -9 everything"

    @property
    def hits(self) -> frozenset[str]:
        return EVERY_PART

    @property
    def restarts(self) -> frozenset[str]:
        return EVERY_WORKER

    async def strike(self, system: System) -> None:
        for part in _PARTS:
            await part.strike(system)

    async def heal(self, system: System) -> None:
        for part in reversed(_PARTS):
            await part.heal(system)


class LongOutage(EverythingAway):
    """Longer than every retry and time-out within the services is patient for."""

    def __str__(self) -> str:
        return "two minutes' outage of everything"

    @property
    def lasts_seconds(self) -> float:
        return 120.0
