"""A worker: its slots, its entries, and the order in which it leaves."""

import asyncio
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from conveyor.extensions.files import FileStore
from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker.attempt import AttemptContext
from services.worker.definition import Definitions
from services.worker.files.metrics import FileMetrics
from services.worker.files.services import FileServices, opened_files
from services.worker.heartbeats import Heartbeats, Identity, started_now
from services.worker.held_tasks import HeldTasks, Interruption
from services.worker.intake import FreeCapacity, Intake
from services.worker.leftovers import Leftovers
from services.worker.metrics import WorkerMetrics
from services.worker.orders import OrderHandler
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.settings import WorkerSettings, WorkSettings, capacity_of
from services.worker.watchdog.task_table import TaskTable
from services.worker.watchdog_keeper import watched
from shared.broker.consuming import BatchConsumer
from shared.broker.protocol import Broker
from shared.broker.publisher import Publisher
from shared.messages import Orders
from shared.messages.queues import node_queue, parse_queues
from shared.process.loops import every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.process.settings.blocks import BrokerSettings
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 10.0


@dataclass(frozen=True)
class Parts:
    """What a worker runs with. `return_to` is the broker as the watchdog reaches it, to hand back
    what a killed worker held."""

    broker: Broker
    watch: RuntimeWatch
    store: FileStore
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = OFF
    return_to: BrokerSettings | None = None


async def run(settings: WorkerSettings, parts: Parts, stop: Stop) -> None:
    """Serve until `stop`, then drain: running tasks get `drain_seconds`, the rest goes back."""
    async with opened_files(settings.files, parts.store, FileMetrics(parts.metrics)) as files:
        await _run(settings, parts, files, stop)


async def _run(settings: WorkerSettings, parts: Parts, files: FileServices, stop: Stop) -> None:
    broker, watch = parts.broker, parts.watch
    identity = Identity(uuid.uuid4().hex, socket.gethostname(), settings.health.port, started_now())
    work = settings.worker
    queues = parse_queues(work.queues)
    table = TaskTable(sum(queues.values()))
    held_tasks = HeldTasks(table)
    leftovers = Leftovers(watch.runtime, identity.node_id)
    heartbeats = Heartbeats(
        broker, held_tasks, identity, work, unknown_nodes=lambda: leftovers.unknown_nodes
    )
    reporter = Reporter(broker, identity.node_id, work.lease_seconds)
    seen = WorkerMetrics(parts.metrics)
    seen.show(held_tasks, sum(queues.values()), heartbeats.age_seconds)
    context = AttemptContext(
        node_id=identity.node_id,
        settings=work,
        watch=watch,
        definitions=Definitions(work, Sealer(settings.encryption.keys), identity.node_id),
        reporter=reporter,
        telemetry=Publisher(broker),
        lease_is_valid=heartbeats.lease_is_valid,
        files=files,
        metrics=seen,
        tracing=parts.tracing,
    )
    leave = Stop()  # heartbeats go on while the worker drains
    lease = work.lease_seconds
    async with (
        watched(table, watch.runtime, identity.node_id, lease, parts.return_to),
        asyncio.TaskGroup() as group,
    ):
        orders = OrderHandler(
            held_tasks,
            heartbeats.lease_is_valid,
            reporter,
            lambda nodes: _remove(group, leftovers, nodes),
        )
        queue = node_queue(identity.node_id)
        ordering = group.create_task(
            BatchConsumer(broker, queue, Orders, orders.on_orders, ()).run()
        )
        looping = _loops(group, leave, work, heartbeats, watch, leftovers)
        free = FreeCapacity(capacity_of(work))
        intakes = [Intake(context, held_tasks, broker, queue, free) for queue in queues]
        log.info(
            "worker_started", node=identity.node_id, queues=work.queues, runtime=watch.runtime.name
        )
        await stop.wait()
        await _drain(intakes, held_tasks, stop, work.drain_seconds)
        leave.request()
        await asyncio.wait(looping)
        await heartbeats.say_goodbye()
        ordering.cancel()


def _loops(
    group: asyncio.TaskGroup,
    leave: Stop,
    settings: WorkSettings,
    heartbeats: Heartbeats,
    watch: RuntimeWatch,
    leftovers: Leftovers,
) -> list[asyncio.Task[None]]:
    rounds = (
        (heartbeats.beat, settings.heartbeat_seconds),
        (heartbeats.interrupt_expired, heartbeats.look_seconds),
        (watch.look, settings.runtime_look_seconds),
        (leftovers.look, settings.leftovers_look_seconds),
    )
    loop = partial(every, stop=leave, unavailable=(RuntimeUnavailable,))
    return [group.create_task(loop(do, interval_seconds=seconds)) for do, seconds in rounds]


def _remove(group: asyncio.TaskGroup, leftovers: Leftovers, nodes: list[str]) -> None:
    async def remove() -> None:
        try:
            await leftovers.remove(nodes)
        except Exception as error:  # noqa: BLE001 - found again at the next look, and asked about
            log.warning("leftovers_removal_failed", nodes=nodes, error=str(error))

    group.create_task(remove())


async def _drain(
    intakes: Sequence[Intake], held_tasks: HeldTasks, stop: Stop, grace_seconds: float
) -> None:
    log.info("drain_started", tasks=len(held_tasks))
    emptied = asyncio.gather(*(intake.drain() for intake in intakes))
    for held in held_tasks:
        if not held.is_granted:
            held.interrupt(Interruption.DRAINED)
    aborted = asyncio.create_task(stop.wait_abort())
    ends: list[asyncio.Future[Any]] = [emptied, aborted]
    await asyncio.wait(ends, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
    aborted.cancel()
    held_tasks.interrupt_all(Interruption.DRAINED)
    # Bounded: with the broker away nothing can be handed back. The leases run out then.
    await asyncio.wait([emptied], timeout=_GOODBYE_SECONDS)
    if len(held_tasks):
        log.error("tasks_abandoned", tasks=len(held_tasks))
