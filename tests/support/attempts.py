"""An attempt at a task on a runtime that does as it is told."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from conveyor.extensions.runtimes import (
    LogSink,
    Outcome,
    ProgressSink,
)
from conveyor.extensions.tasks import TaskSpec
from services.worker.attempt import Attempt, AttemptContext
from services.worker.definition import Definitions
from services.worker.held_tasks import HeldTask, HeldTasks
from services.worker.metrics import WorkerMetrics
from services.worker.node_hold import NodeHold
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.settings import WorkSettings
from services.worker.watchdog.task_table import TaskTable
from shared.broker.in_process import InProcessBroker
from shared.broker.publisher import Publisher
from shared.messages import Finished, Reports, Returned, RunTask, decode
from shared.messages.queues import COMPLETIONS
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer, generate_key
from tests.support.files.services import no_files

KEY = generate_key()


@dataclass
class Scripted:
    """A runtime and its one execution: does what it is told, notes what it was asked."""

    prepare_error: Exception | None = None
    check_error: Exception | None = None
    wait_error: Exception | None = None
    terminate_error: Exception | None = None
    outcome: Outcome = Outcome(0, "")  # noqa: RUF009 - frozen
    obeys: bool = True
    stop_errors: list[Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    write: LogSink | None = None

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> "Scripted":
        self.write = log
        return self

    async def check(self) -> None:
        if self.check_error is not None:
            raise self.check_error

    async def prepare(self) -> None:
        if self.prepare_error is not None:
            raise self.prepare_error

    async def start(self) -> None:
        self.asked.append("start")

    async def wait(self) -> Outcome:
        if self.wait_error is not None:
            raise self.wait_error
        await self.ended.wait()
        return self.outcome

    async def terminate(self) -> None:
        self.asked.append("terminate")
        if self.terminate_error is not None:
            raise self.terminate_error
        if self.obeys:
            self.ended.set()

    async def stop(self) -> None:
        self.asked.append("stop")
        if self.stop_errors:
            raise self.stop_errors.pop()
        self.ended.set()

    async def close(self) -> None:
        self.asked.append("close")


@dataclass
class Bed:
    """`runtime` is scripted, or a real one."""

    runtime: Any
    broker: InProcessBroker
    lease_is_valid: bool = True
    dispatch: int = 1

    def __post_init__(self) -> None:
        self.held_tasks = HeldTasks(TaskTable(4))
        settings = WorkSettings(claim_repeat_seconds=0.01)
        self.context = AttemptContext(
            node_id="n1",
            settings=settings,
            watch=RuntimeWatch(self.runtime),
            definitions=Definitions(settings, Sealer([KEY]), "n1"),
            reporter=Reporter(self.broker, "n1", 30),
            telemetry=Publisher(self.broker),
            files=no_files(),
            lease_is_valid=lambda _: self.lease_is_valid,
            hold=NodeHold(settings.hold_rules, WorkerMetrics(Metrics())),
        )

    def attempt(self, sealed: str | None = None, **definition: object) -> tuple[Attempt, HeldTask]:
        order = RunTask(
            job_id="job",
            task_id="task",
            dispatch=self.dispatch,
            queue="default",
            definition={"run": "true", **definition},
            sealed=sealed,
        )
        held = self.held_tasks.take(order.ref)
        assert held
        return Attempt(self.context, order, held), held

    async def reports(self) -> list[Finished | Returned]:
        """What it told the coordinators, claims aside."""
        stats = await self.broker.queue_stats(COMPLETIONS)
        found: list[Finished | Returned] = []
        async with self.broker.consume(COMPLETIONS, prefetch=99) as consumer:
            for delivery in await consumer.batch(99) if stats and stats.size else ():
                message = decode(delivery.body)
                assert isinstance(message, Reports)
                found += [*message.finished, *message.returned]
                await delivery.ack()
        return found
