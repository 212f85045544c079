"""The door of placement: asked by messages, by heartbeats and by time, one round at a time.

Whoever asks only sets an event: what comes during a round is looked at by the next, so a burst
makes one round after the other, with a pause as long as the round between them. Rounds of several
schedulers take turns by a lock in the database, so no room is given away twice.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.scheduler import placing
from services.scheduler.loops import Performer
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import PlacementSettings
from services.scheduler.store import placement as store
from shared.apply.batcher import Failures
from shared.lifecycle import TaskEvent
from shared.messages import PlacementDue
from shared.placement import Node
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.node_rows import read_nodes, successors_of, with_what_is_held

_PORTION = 1000
"""So many events at a time: leases and retries are decided in between."""
_SHORTEST_PAUSE_SECONDS = 0.05


@dataclass(eq=False)
class PlacementRounds:
    _pool: Pool
    _performer: Performer
    _settings: PlacementSettings
    _metrics: SchedulerMetrics
    due: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _may_begin_at: float = field(init=False, default=0.0)

    async def on_placement_due(self, messages: Sequence[PlacementDue]) -> Failures:
        """Should this process end before its round, the slow sweep of another does it."""
        self.due.set()
        return [None] * len(messages)

    async def place_executions(self) -> float | None:
        """One round; returns the time to the next when nothing else would tell of it before."""
        await asyncio.sleep(max(self._may_begin_at - time.monotonic(), 0))
        self.due.clear()  # what was asked for until now is in this round
        began = time.monotonic()
        try:
            async with acquired(self._pool) as connection, connection.transaction():
                now = await store.lock(connection)
                next_at = await self._round(connection, now)
        finally:
            seconds = time.monotonic() - began
            self._may_begin_at = time.monotonic() + max(seconds, _SHORTEST_PAUSE_SECONDS)
            self._metrics.placement_seconds.observe(seconds)
        if next_at is None:
            return None
        wait = (next_at - now).total_seconds() - seconds
        return min(max(wait, _SHORTEST_PAUSE_SECONDS), self._settings.sweep_seconds)

    async def _round(self, connection: Connection, now: datetime) -> datetime | None:
        nodes = await read_nodes(connection)
        ids = [node.id for node in nodes]
        draining, closed = placing.to_be_emptied(nodes)
        await self._perform(connection, await store.departures(connection, ids, draining, closed))
        replaced = placing.replace_old_versions(await store.of_old_versions(connection), now)
        await self._perform(connection, replaced.events)
        matched = await self._match(connection, nodes, now)
        chosen = await self._choose(connection, nodes, now)
        times = (replaced.next_at, matched, chosen)
        return min((at for at in times if at is not None), default=None)

    async def _match(
        self, connection: Connection, nodes: Sequence[Node], now: datetime
    ) -> datetime | None:
        """What runs on every node that matches."""
        matched = placing.match_nodes(await store.on_every_node(connection), nodes)
        if not matched:
            return None
        first = placing.first_matches(matched, nodes, now)
        events = [*first.events]
        hashes = await store.hashes(connection, [node.id for node in nodes])
        successors = await successors_of(connection)
        for one in matched:
            if one.follows_nodes and not one.is_settled(hashes):
                executions = await store.on_nodes(connection, one.row.id)
                events += placing.follow_nodes(one, executions, nodes, successors)
        await self._perform(connection, events)
        return first.next_at

    async def _choose(
        self, connection: Connection, nodes: Sequence[Node], now: datetime
    ) -> datetime | None:
        """Nodes for what waits for one."""
        rows = await store.waiting(connection)
        if not rows:
            self._metrics.executions_waiting.set(0)
            return None
        families, with_ports = placing.looked_at(rows)
        nodes = await with_what_is_held(connection, nodes, families, with_ports=with_ports)
        avoided = await store.failed_on(connection, rows)
        gangs = placing.gangs(rows)
        of_gangs = placing.OfGangs(
            await store.executions_left(connection, gangs),
            await store.limits_of(connection, set(gangs.values())),
        )
        reserve_after = timedelta(seconds=self._settings.reserve_after_seconds)
        chosen = await asyncio.to_thread(
            placing.choose_nodes,
            *(rows, nodes, avoided, now, reserve_after),
            random.getrandbits(32),
            of_gangs,
        )
        await self._perform(connection, chosen.events)
        self._metrics.executions_waiting.set(len(rows) - len(chosen.events))
        if len(rows) == store.LIMIT and chosen.events:
            self.due.set()
        return chosen.next_at

    async def _perform(self, connection: Connection, events: Sequence[TaskEvent]) -> None:
        for portion in _portions(events):
            await self._performer.perform(portion)
            await store.keep_lock(connection)


def _portions(events: Sequence[TaskEvent]) -> Iterator[Sequence[TaskEvent]]:
    return (events[start : start + _PORTION] for start in range(0, len(events), _PORTION))
