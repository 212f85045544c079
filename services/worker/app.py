"""A worker: its slots, its entries, and the order in which it leaves."""

import asyncio
import socket
import uuid
from dataclasses import dataclass, field
from functools import partial

import structlog

from conveyor.extensions.files import FileStore
from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker.attempt import AttemptContext
from services.worker.definition import Definitions
from services.worker.files.metrics import FileMetrics
from services.worker.files.services import FileServices, opened_files
from services.worker.gpu_pool import GpuPool
from services.worker.heartbeats import Heartbeats, Identity, Status, started_now
from services.worker.held_tasks import HeldTasks
from services.worker.intakes import Intakes
from services.worker.kept.adoption import Adoption
from services.worker.kept.keeper import open_keeper
from services.worker.leftovers import Leftovers
from services.worker.metrics import WorkerMetrics
from services.worker.node.description import NodeDescriber, describe
from services.worker.node_hold import NodeHold
from services.worker.orders import OrderHandler
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.keeping import keeping_part
from services.worker.settings import WorkerSettings, WorkSettings
from services.worker.watchdog.task_table import TaskTable
from services.worker.watchdog_keeper import watched
from shared.broker.consuming import BatchConsumer
from shared.broker.protocol import Broker, BrokerUnavailable
from shared.broker.publisher import Publisher
from shared.messages import Orders
from shared.messages.queues import node_queue, node_task_queue
from shared.process.loops import every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.process.settings.blocks import BrokerSettings
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)


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
    answer_seconds: float = 2.0
    """How long a worker that starts waits to be told whether it may take tasks."""


async def run(settings: WorkerSettings, parts: Parts, stop: Stop) -> None:
    """Serve until `stop`, then drain: running tasks get `drain_seconds`, the rest goes back."""
    async with opened_files(settings.files, parts.store, FileMetrics(parts.metrics)) as files:
        await _run(settings, parts, files, stop)


async def _run(settings: WorkerSettings, parts: Parts, files: FileServices, stop: Stop) -> None:
    broker, watch = parts.broker, parts.watch
    identity = Identity(uuid.uuid4().hex, socket.gethostname(), settings.health.port, started_now())
    work = settings.worker
    table = TaskTable(settings.slots + settings.max_executions)
    held_tasks = HeldTasks(table)
    leftovers = Leftovers(watch.runtime, identity.node_id)
    describer = await describe(settings, watch)
    heartbeats = Heartbeats(broker, held_tasks, identity, work)
    reporter = Reporter(broker, identity.node_id, work.lease_seconds)
    seen = WorkerMetrics(parts.metrics)
    seen.show(held_tasks, settings.slots, heartbeats.age_seconds)
    hold = NodeHold(work.hold_rules, seen)
    context = AttemptContext(
        node_id=identity.node_id,
        settings=work,
        watch=watch,
        definitions=Definitions(work, Sealer(settings.encryption.keys), identity.node_id),
        reporter=reporter,
        telemetry=Publisher(broker),
        lease_is_valid=heartbeats.lease_is_valid,
        files=files,
        hold=hold,
        gpus=GpuPool([gpu.index for gpu in describer.description.gpus]),
        metrics=seen,
        tracing=parts.tracing,
    )
    keeping = keeping_part(watch.runtime)
    # Without a broker that outlives it, a restart begins everything anew.
    keeper = (
        open_keeper(work.state_directory, work.name, keeping.engine_address, identity.node_id)
        if keeping is not None and parts.return_to is not None
        else None
    )
    leave = Stop()  # heartbeats go on while the worker drains
    lease = work.lease_seconds
    async with (
        watched(
            *(table, watch.runtime, identity.node_id, lease, parts.return_to),
            kept_in=keeper.directory if keeper else None,
        ),
        asyncio.TaskGroup() as group,
    ):
        intakes = Intakes(
            *(context, held_tasks, broker, describer.total, settings.max_executions),
            on_changed=describer.changed.set,
            keeper=keeper,
        )
        orders = OrderHandler(
            held_tasks,
            heartbeats.lease_is_valid,
            reporter,
            lambda nodes: _remove(group, leftovers, nodes),
            intakes.follow,
        )
        heartbeats.status = lambda: Status(
            leftovers.unknown_nodes,
            intakes.availability,
            describer.description if intakes.is_placeable else None,
            hold.current,
        )
        queue = node_queue(identity.node_id)
        ordering = group.create_task(
            BatchConsumer(broker, queue, Orders, orders.on_orders, ()).run()
        )
        patience = None if settings.nodes.manual_approval else parts.answer_seconds
        group.create_task(intakes.open_when_answered(patience))
        looping = _loops(group, leave, work, heartbeats, describer, leftovers)
        if keeper is not None and keeping is not None:
            adoption = Adoption(keeper, keeping, held_tasks, intakes.go_on_with)
            look = every(
                adoption.look,
                interval_seconds=work.heartbeat_seconds,
                stop=leave,
                unavailable=(RuntimeUnavailable,),
            )
            looping.append(group.create_task(look))
        log.info(
            "worker_started", node=identity.node_id, queues=work.queues, runtime=watch.runtime.name
        )
        await stop.wait()
        await intakes.drain(stop, work.drain_seconds)
        leave.request()
        await asyncio.wait(looping)
        await heartbeats.say_goodbye()
        ordering.cancel()
        await asyncio.gather(ordering, intakes.leave(), return_exceptions=True)
        await _delete_queues(broker, identity.node_id)


async def _delete_queues(broker: Broker, node_id: str) -> None:
    """Nobody reads them any more. What lies there is dispatched anew, as the worker has left."""
    for queue in (node_queue(node_id), node_task_queue(node_id)):
        try:
            await broker.delete_queue(queue)
        except BrokerUnavailable as error:  # unused, they expire by themselves
            log.warning("queue_not_deleted", queue=queue, error=str(error))


def _loops(
    group: asyncio.TaskGroup,
    leave: Stop,
    settings: WorkSettings,
    heartbeats: Heartbeats,
    describer: NodeDescriber,
    leftovers: Leftovers,
) -> list[asyncio.Task[None]]:
    rounds = (
        (heartbeats.beat, settings.heartbeat_seconds, describer.changed),
        (heartbeats.interrupt_expired, heartbeats.look_seconds, None),
        (describer.look, settings.runtime_look_seconds, None),
        (leftovers.look, settings.leftovers_look_seconds, None),
    )
    loop = partial(every, stop=leave, unavailable=(RuntimeUnavailable,))
    return [
        group.create_task(loop(do, interval_seconds=seconds, wake=wake))
        for do, seconds, wake in rounds
    ]


def _remove(group: asyncio.TaskGroup, leftovers: Leftovers, nodes: list[str]) -> None:
    async def remove() -> None:
        try:
            await leftovers.remove(nodes)
        except Exception as error:  # noqa: BLE001 - found again at the next look, and asked about
            log.warning("leftovers_removal_failed", nodes=nodes, error=str(error))

    group.create_task(remove())
