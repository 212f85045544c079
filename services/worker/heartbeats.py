"""Signs of life, and what follows when they can't be given.

Leases are renewed by heartbeats. A worker that could not hand one to the broker for nearly the
length of a lease stops its tasks by itself, before a scheduler may give them to another.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import psutil
import structlog

from services.worker.held import Hand, Interruption
from services.worker.settings import WorkSettings
from shared.broker import Broker, BrokerUnavailable, Outgoing
from shared.messages import Heartbeat, encode
from shared.messages.queues import HEARTBEATS

log = structlog.get_logger(__name__)

_SOON_SECONDS = 0.2
_SAFETY = 0.8
"""The part of the lease after which tasks are stopped: stopping takes time too."""


@dataclass(frozen=True, slots=True)
class Identity:
    node_id: str
    hostname: str
    port: int
    started_at: datetime


class Heart:
    def __init__(
        self,
        broker: Broker,
        hand: Hand,
        identity: Identity,
        settings: WorkSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._hand = hand
        self._identity = identity
        self._settings = settings
        self._clock = clock
        self._heard_at = clock()

    async def beat(self) -> float | None:
        """One round; soon again while there is no broker yet. Raises BrokerUnavailable."""
        if not self._broker.is_up and not len(self._hand):
            return _SOON_SECONDS
        self._let_go_if_unheard()
        began = self._clock()
        try:
            await self._broker.publish([self._message(leaving=False)])
        except BrokerUnavailable:
            self._let_go_if_unheard()
            raise
        self._heard_at = began
        return None

    async def leave(self) -> None:
        """Say goodbye; not being heard is no harm, silence says the same a little later."""
        try:
            await self._broker.publish([self._message(leaving=True)])
        except BrokerUnavailable as error:
            log.warning("left without saying so", error=str(error))

    @property
    def is_heard(self) -> bool:
        """Whether the leases of all that is in hand certainly still last."""
        return self._clock() - self._heard_at < self._settings.lease_seconds * _SAFETY

    def _let_go_if_unheard(self) -> None:
        if not self.is_heard and len(self._hand):
            log.error("unheard for too long, stopping tasks", tasks=len(self._hand))
            self._hand.interrupt_all(Interruption.LEASE_LOST)

    def _message(self, *, leaving: bool) -> Outgoing:
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
            tasks=self._hand.refs,
        )
        return Outgoing(HEARTBEATS, encode(heartbeat), uuid.uuid4().hex)


def started_now() -> datetime:
    return datetime.now(UTC)
