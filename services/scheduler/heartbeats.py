"""The messages door for `heartbeats`: workers are recorded, their leases renewed."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from services.scheduler.liveness import LivenessGuard
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.store import nodes
from shared.apply.batcher import Failures
from shared.broker.protocol import Outgoing
from shared.messages import Heartbeat
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.metrics import Metrics
from shared.store.leases import Held, renew_or_stop
from shared.store.outbox import Outbox
from shared.store.outgoing import abandoned_order
from shared.wiring import UNAVAILABLE


class Heartbeats:
    def __init__(
        self,
        outbox: Outbox,
        pool: Pool,
        liveness: LivenessGuard,
        metrics: SchedulerMetrics | None = None,
    ) -> None:
        self._outbox = outbox
        self._pool = pool
        self._liveness = liveness
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
            await nodes.record(connection, heartbeats)
            answers = await _answers_about_unknown_nodes(connection, heartbeats)
            renewed, rows = await renew_or_stop(connection, held, answers)
        self._metrics.heartbeats.inc(len(heartbeats))
        self._metrics.leases_renewed.inc(renewed)
        self._outbox.send(rows)


async def _answers_about_unknown_nodes(
    connection: Connection, heartbeats: Sequence[Heartbeat]
) -> list[Outgoing]:
    asked = {h.node_id: h.unknown_nodes for h in heartbeats if h.unknown_nodes}
    found = {node: await nodes.abandoned(connection, ids) for node, ids in asked.items()}
    return [abandoned_order(node, ids) for node, ids in found.items() if ids]


def _held(heartbeat: Heartbeat) -> Iterator[Held]:
    lease = timedelta(seconds=heartbeat.lease_seconds)
    return (Held(ref, heartbeat.node_id, lease) for ref in heartbeat.tasks)
