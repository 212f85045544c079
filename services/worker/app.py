"""A worker: its slots, its doors, and the order in which it leaves."""

import asyncio
import socket
import uuid
from collections.abc import Sequence
from typing import Any

import structlog

from services.worker.bench import Bench
from services.worker.definition import Definitions
from services.worker.guardian.book import Book
from services.worker.guardian.guard import charge_of, guarded
from services.worker.heartbeats import Heart, Identity, started_now
from services.worker.held import Hand, Interruption
from services.worker.leftovers import Leftovers
from services.worker.metrics import WorkerMetrics
from services.worker.orders import OrderDesk
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.protocol import RuntimeUnavailable
from services.worker.settings import WorkerSettings, parse_queues
from services.worker.slot import Slot
from shared.broker import Broker
from shared.broker.consuming import BatchConsumer
from shared.broker.publisher import Publisher
from shared.messages import Orders
from shared.messages.queues import node_queue
from shared.process.loops import every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 10.0


async def run(
    settings: WorkerSettings,
    broker: Broker,
    watch: RuntimeWatch,
    stop: Stop,
    metrics: Metrics | None = None,
    tracing: Tracing = OFF,
) -> None:
    """Serve until `stop`, then drain: running tasks get `drain_seconds`, the rest goes back."""
    metrics = metrics or Metrics()
    identity = Identity(uuid.uuid4().hex, socket.gethostname(), settings.health.port, started_now())
    work = settings.worker
    queues = parse_queues(work.queues)
    book = Book(places=sum(queues.values()))
    hand = Hand(book=book)
    leftovers = Leftovers(watch.runtime, identity.node_id)
    heart = Heart(broker, hand, identity, work, unknown_nodes=lambda: leftovers.unknown_nodes)
    reporter = Reporter(broker, identity.node_id, work.lease_seconds)
    seen = WorkerMetrics(metrics)
    seen.show(hand, sum(queues.values()), heart.age_seconds)
    bench = Bench(
        node_id=identity.node_id,
        settings=work,
        watch=watch,
        definitions=Definitions(work, Sealer(settings.encryption.keys), identity.node_id),
        reporter=reporter,
        telemetry=Publisher(broker),
        is_sure=heart.is_sure,
        metrics=seen,
        tracing=tracing,
    )
    leave = Stop()  # heartbeats go on while the worker drains
    charge = charge_of(settings, identity.node_id)
    async with guarded(book, charge, watch.runtime), asyncio.TaskGroup() as group:
        orders = OrderDesk(
            hand,
            heart.is_sure,
            reporter,
            lambda nodes: _remove(group, leftovers, nodes),
        )
        desk = BatchConsumer(broker, node_queue(identity.node_id), Orders, orders.on_orders, ())
        ordering = group.create_task(desk.run())
        rounds = (
            (heart.beat, work.heartbeat_seconds),
            (heart.let_go_of_unsure, heart.look_seconds),
            (watch.look, work.runtime_look_seconds),
            (leftovers.look, work.leftovers_look_seconds),
        )
        passing = (RuntimeUnavailable,)
        looping = [
            group.create_task(every(do, interval_seconds=seconds, stop=leave, unavailable=passing))
            for do, seconds in rounds
        ]
        slots = [
            Slot(bench, hand, broker, queue)
            for queue, count in queues.items()
            for _ in range(count)
        ]
        log.info(
            "worker started", node=identity.node_id, queues=work.queues, runtime=watch.runtime.name
        )
        await stop.wait()
        await _drain(slots, hand, stop, work.drain_seconds)
        leave.request()
        await asyncio.wait(looping)
        await heart.leave()
        ordering.cancel()


def _remove(group: asyncio.TaskGroup, leftovers: Leftovers, nodes: list[str]) -> None:
    async def remove() -> None:
        try:
            await leftovers.remove(nodes)
        except Exception as error:  # noqa: BLE001 - found again at the next look, and asked about
            log.warning("leftovers not removed", nodes=nodes, error=str(error))

    group.create_task(remove())


async def _drain(slots: Sequence[Slot], hand: Hand, stop: Stop, grace_seconds: float) -> None:
    log.info("draining", tasks=len(hand))
    emptied = asyncio.gather(*(slot.leave() for slot in slots), return_exceptions=True)
    for held in hand:
        if not held.is_granted:
            held.interrupt(Interruption.DRAINED)
    hurried = asyncio.create_task(stop.wait_hurry())
    ends: list[asyncio.Future[Any]] = [emptied, hurried]
    await asyncio.wait(ends, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    hand.interrupt_all(Interruption.DRAINED)
    # Bounded: with the broker away nothing can be handed back. The leases run out then.
    await asyncio.wait([emptied], timeout=_GOODBYE_SECONDS)
    if len(hand):
        log.error("left with tasks in hand", tasks=len(hand))
