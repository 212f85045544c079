"""The messages door for `heartbeats`: workers are recorded, their leases renewed."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from services.scheduler.liveness import LivenessGuard
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.store import nodes
from services.scheduler.store.nodes import Heard
from shared.apply.batcher import Failures
from shared.broker.protocol import Outgoing
from shared.messages import Availability, Heartbeat
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.metrics import Metrics
from shared.store.leases import Held, renew_or_stop
from shared.store.outbox import Outbox
from shared.store.outgoing import abandoned_order, availability_order, placement_due
from shared.wiring import UNAVAILABLE


class Heartbeats:
    def __init__(
        self,
        outbox: Outbox,
        pool: Pool,
        liveness: LivenessGuard,
        metrics: SchedulerMetrics | None = None,
        *,
        manual_approval: bool = False,
    ) -> None:
        self._outbox = outbox
        self._pool = pool
        self._liveness = liveness
        self._manual_approval = manual_approval
        self._metrics = metrics or SchedulerMetrics(Metrics(), liveness)

    async def on_heartbeats(self, heartbeats: Sequence[Heartbeat]) -> Failures:
        try:
            await self._record(heartbeats)
        except UNAVAILABLE:  # for the door to sort; as long as it fails, silence means nothing
            self._liveness.on_outage()
            raise
        except Exception:  # for the door to sort: a defect, or one that can't be kept
            self._liveness.on_rejected()
            raise
        self._liveness.on_heartbeat()
        return [None] * len(heartbeats)

    async def _record(self, heartbeats: Sequence[Heartbeat]) -> None:
        held = [held for heartbeat in heartbeats for held in _held(heartbeat)]
        async with acquired(self._pool) as connection, connection.transaction():
            heard = await nodes.record(connection, heartbeats)
            answers = await _answers_about_unknown_nodes(connection, heartbeats)
            leaving = {heartbeat.node_id for heartbeat in heartbeats if heartbeat.leaving}
            heard_to_stay = [each for each in heard if each.id not in leaving]
            answers += await self._availabilities(connection, heard_to_stay)
            if any(each.is_changed for each in heard):
                answers.append(placement_due())
            renewed, rows = await renew_or_stop(connection, held, answers)
        self._metrics.heartbeats.inc(len(heartbeats))
        self._metrics.leases_renewed.inc(renewed)
        self._outbox.send(rows)

    async def _availabilities(
        self, connection: Connection, heard: Sequence[Heard]
    ) -> list[Outgoing]:
        """For those that don't know theirs; a new worker waits for it."""
        strangers = [each for each in heard if each.wanted is None]
        for is_new in {each.is_new for each in strangers}:
            names = [each.name for each in strangers if each.is_new == is_new]
            await nodes.welcome(connection, names, self._membership(is_new=is_new))
        wanted = {
            each.id: each.wanted or _availability_in(self._membership(is_new=each.is_new))
            for each in heard
        }
        return [
            availability_order(each.id, wanted[each.id])
            for each in heard
            if each.is_new or each.told != wanted[each.id]
        ]

    def _membership(self, *, is_new: bool) -> str:
        """Of a worker of whose name nothing was said yet. One that has run before approvals were
        wanted goes on."""
        return "PENDING" if is_new and self._manual_approval else "APPROVED"


def _availability_in(membership: str) -> Availability:
    return "active" if membership == "APPROVED" else "rejected"


async def _answers_about_unknown_nodes(
    connection: Connection, heartbeats: Sequence[Heartbeat]
) -> list[Outgoing]:
    asked = {h.node_id: h.unknown_nodes for h in heartbeats if h.unknown_nodes}
    found = {node: await nodes.abandoned(connection, ids) for node, ids in asked.items()}
    return [abandoned_order(node, ids) for node, ids in found.items() if ids]


def _held(heartbeat: Heartbeat) -> Iterator[Held]:
    lease = timedelta(seconds=heartbeat.lease_seconds)
    return (
        Held(ref, heartbeat.node_id, lease, heartbeat.phases.get(ref.task_id))
        for ref in heartbeat.tasks
    )
