"""The faults, and how one is drawn by lot."""

from collections.abc import Callable
from random import Random

from tests.chaos.faults.broker import (
    BrokerConnectionsCut,
    BrokerEmptied,
    BrokerFrozen,
    BrokerKilled,
    QueuesDeleted,
)
from tests.chaos.faults.clocks import ClockSet
from tests.chaos.faults.database import (
    DatabaseConnectionsCut,
    DatabaseDiskFull,
    DatabaseFrozen,
    DatabaseKilled,
    DatabaseStopped,
)
from tests.chaos.faults.everything import EverythingAway, LongOutage
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.garbage import Garbage
from tests.chaos.faults.links import LinkChoked, LinkCut, LinkSlow
from tests.chaos.faults.messages import MessagesDoubled
from tests.chaos.faults.services import (
    AllServicesEnded,
    AllServicesKilled,
    ServiceEnded,
    ServiceFrozen,
    ServiceKilled,
)
from tests.chaos.system import BROKER, DATABASE, DISPATCHER, QUEUES, SERVICES, WORKERS

__all__ = ["KINDS", "LONG_KINDS", "Draw", "Fault"]

Draw = Callable[[Random], Fault]

_HOUR = 3600

KINDS: dict[str, Draw] = {
    "worker-killed": lambda lot: ServiceKilled(lot.choice(WORKERS)),
    "dispatcher-killed": lambda lot: ServiceKilled(DISPATCHER),
    "service-killed": lambda lot: ServiceKilled(lot.choice(SERVICES)),
    "service-ended": lambda lot: ServiceEnded(lot.choice(SERVICES)),
    "worker-ended": lambda lot: ServiceEnded(lot.choice(WORKERS)),
    "worker-frozen": lambda lot: ServiceFrozen(lot.choice(WORKERS)),
    "service-frozen": lambda lot: ServiceFrozen(lot.choice(SERVICES)),
    "all-killed": lambda lot: AllServicesKilled(),
    "all-ended": lambda lot: AllServicesEnded(),
    "broker-killed": lambda lot: BrokerKilled(),
    "broker-emptied": lambda lot: BrokerEmptied(),
    "broker-frozen": lambda lot: BrokerFrozen(),
    "broker-cuts": lambda lot: BrokerConnectionsCut(),
    "queues-deleted": lambda lot: QueuesDeleted(_some(lot, QUEUES)),
    "messages-doubled": lambda lot: MessagesDoubled(),
    "garbage": lambda lot: Garbage(f"garbage-{lot.getrandbits(32):x}"),
    "database-killed": lambda lot: DatabaseKilled(),
    "database-stopped": lambda lot: DatabaseStopped(),
    "database-frozen": lambda lot: DatabaseFrozen(),
    "database-disk-full": lambda lot: DatabaseDiskFull(),
    "database-cuts": lambda lot: DatabaseConnectionsCut(),
    "database-clock-forward": lambda lot: ClockSet(DATABASE, _HOUR),
    "database-clock-back": lambda lot: ClockSet(DATABASE, -_HOUR),
    "service-clock": lambda lot: ClockSet(lot.choice(SERVICES), lot.choice((_HOUR, -_HOUR))),
    "worker-cut-off": lambda lot: LinkCut(lot.choice(WORKERS), BROKER),
    "link-cut": lambda lot: LinkCut(*_any_link(lot)),
    "link-slow": lambda lot: LinkSlow(*_any_link(lot), lot.choice((0.05, 0.2, 0.5))),
    "link-choked": lambda lot: LinkChoked(*_any_link(lot), lot.choice((2_000, 10_000, 50_000))),
    "everything": lambda lot: EverythingAway(),
}


LONG_KINDS: dict[str, Draw] = {
    "long-outage": lambda lot: LongOutage(),
}
"""Only where they are asked for."""


def _some(lot: Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(lot.sample(names, lot.randint(1, len(names)))))


def _any_link(lot: Random) -> tuple[str, str]:
    place = lot.choice(SERVICES)
    return place, BROKER if place in WORKERS else lot.choice((BROKER, DATABASE))
