"""The faults, and how one is drawn by lot."""

from collections.abc import Callable
from random import Random

from tests.chaos.faults.broker import (
    DELETABLE,
    BrokerConnectionsCut,
    BrokerEmptied,
    BrokerKilled,
    QueuesDeleted,
)
from tests.chaos.faults.database import DatabaseConnectionsCut, DatabaseKilled, DatabaseStopped
from tests.chaos.faults.everything import EverythingAway
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.garbage import Garbage
from tests.chaos.faults.links import LinkCut, LinkSlow
from tests.chaos.faults.services import (
    AllServicesEnded,
    AllServicesKilled,
    ServiceEnded,
    ServiceFrozen,
    ServiceKilled,
)
from tests.chaos.system import BROKER, DATABASE, DISPATCHER, SERVICES, WORKERS

__all__ = ["KINDS", "Draw", "Fault"]

Draw = Callable[[Random], Fault]

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
    "broker-cuts": lambda lot: BrokerConnectionsCut(),
    "queues-deleted": lambda lot: QueuesDeleted(_some(lot, DELETABLE)),
    "garbage": lambda lot: Garbage(f"garbage-{lot.getrandbits(32):x}"),
    "database-killed": lambda lot: DatabaseKilled(),
    "database-stopped": lambda lot: DatabaseStopped(),
    "database-cuts": lambda lot: DatabaseConnectionsCut(),
    "worker-cut-off": lambda lot: LinkCut(lot.choice(WORKERS), BROKER),
    "link-cut": lambda lot: LinkCut(*_any_link(lot)),
    "link-slow": lambda lot: LinkSlow(*_any_link(lot), lot.choice((0.05, 0.2, 0.5))),
    "everything": lambda lot: EverythingAway(),
}


def _some(lot: Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(lot.sample(names, lot.randint(1, len(names)))))


def _any_link(lot: Random) -> tuple[str, str]:
    place = lot.choice(SERVICES)
    return place, BROKER if place in WORKERS else lot.choice((BROKER, DATABASE))
