"""Signs of life, and what follows when they can't be given.

Leases are renewed by heartbeats. A worker that could not hand one to the broker for nearly the
length of a lease stops its tasks by itself, before a scheduler may give them to another.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import psutil
import structlog

from services.worker.held_tasks import HeldTask, HeldTasks, Interruption
from services.worker.node_hold import Hold
from services.worker.settings import WorkSettings
from shared.broker.protocol import Broker, BrokerUnavailable, Outgoing
from shared.messages import Availability, Heartbeat, NodeDescription, encode
from shared.messages.queues import HEARTBEATS
from shared.process.clock import monotonic_boottime

log = structlog.get_logger(__name__)

_SOON_SECONDS = 0.2
_AGAIN_SECONDS = 1.0
LEASE_SAFE_PART = 0.8
"""The part of the lease after which tasks are stopped: stopping takes time too."""


@dataclass(frozen=True, slots=True)
class Identity:
    node_id: str
    hostname: str
    port: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """What heartbeats tell beside the tasks in hand."""

    unknown_nodes: Sequence[str] = ()
    availability: Availability = "active"
    node: NodeDescription | None = None
    hold: Hold | None = None


class Heartbeats:
    def __init__(
        self,
        broker: Broker,
        held_tasks: HeldTasks,
        identity: Identity,
        settings: WorkSettings,
        clock: Callable[[], float] = monotonic_boottime,
    ) -> None:
        self._broker = broker
        self._held_tasks = held_tasks
        self._identity = identity
        self._settings = settings
        self.status: Callable[[], Status] = Status
        self._clock = clock
        self._heard(clock())

    async def beat(self) -> float | None:
        """One round; soon again while the broker is away, so that it hears of us at once."""
        if not self._broker.is_up:
            return _SOON_SECONDS
        # Before anything is sent: a worker that was frozen must not take its old leases for new.
        await self.interrupt_expired()
        began = self._clock()
        try:
            await self._broker.publish([self._message(leaving=False)])
        except BrokerUnavailable as error:
            log.warning("heartbeat_unconfirmed", error=str(error))
            return _AGAIN_SECONDS
        self._heard(began)
        return None

    async def interrupt_expired(self) -> None:
        """One round of a loop of its own: a heartbeat that hangs must not delay it."""
        unsure = [
            h for h in self._held_tasks if not h.interrupted.done() and not self.lease_is_valid(h)
        ]
        if unsure:
            log.error("leases_lost", tasks=len(unsure))
        for held in unsure:
            held.interrupt(Interruption.LEASE_LOST)

    async def say_goodbye(self) -> None:
        """Not being heard is no harm: silence says the same a little later."""
        try:
            await self._broker.publish([self._message(leaving=True)])
        except BrokerUnavailable as error:
            log.warning("goodbye_unconfirmed", error=str(error))

    def lease_is_valid(self, held: HeldTask) -> bool:
        """Whether the lease of `held`, once granted, certainly still lasts."""
        if held.entry.is_ended:
            return False
        known_at = max(self._heard_at, held.taken_at)
        return self._clock() - known_at < self._settings.lease_seconds * LEASE_SAFE_PART

    def age_seconds(self) -> float:
        """Since the last heartbeat that the broker has confirmed was begun."""
        return self._clock() - self._heard_at

    @property
    def look_seconds(self) -> float:
        """How often to `interrupt_expired`: well within the part of the lease that is kept free."""
        return self._settings.lease_seconds / 30

    def _heard(self, at: float) -> None:
        # The table first: by it others judge, and whom they end must not be sure here.
        self._held_tasks.renew(at)
        self._heard_at = at

    def _message(self, *, leaving: bool) -> Outgoing:
        status = self.status()
        heartbeat = Heartbeat(
            node_id=self._identity.node_id,
            name=self._settings.name,
            hostname=self._identity.hostname,
            port=self._identity.port,
            version=version("conveyor"),
            started_at=self._identity.started_at,
            cpu_percent=psutil.cpu_percent(),
            queue=self._settings.queues,
            lease_seconds=self._settings.lease_seconds,
            leaving=leaving,
            tasks=self._held_tasks.refs,
            phases=self._held_tasks.phases,
            unknown_nodes=list(status.unknown_nodes),
            availability=status.availability,
            node=status.node,
            held_until=status.hold.until if status.hold else None,
            hold_reason=status.hold.reason if status.hold else None,
        )
        return Outgoing(HEARTBEATS, encode(heartbeat), uuid.uuid4().hex)


def started_now() -> datetime:
    return datetime.now(UTC)
