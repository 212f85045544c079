"""A worker on an in-process broker, and the coordinator's side of its conversation."""

import asyncio
from typing import Literal

import shared.definition
from services.worker import app
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.settings import WorkerSettings, WorkSettings
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import Outgoing
from shared.files.no_store import NoStore
from shared.messages import (
    Availability,
    Heartbeat,
    Orders,
    Reports,
    Returned,
    RunTask,
    StopOrder,
    decode,
    encode,
)
from shared.messages.queues import COMPLETIONS, HEARTBEATS, node_queue, node_task_queue
from shared.process.run import Stop
from shared.process.settings.blocks import BrokerSettings, HealthSettings
from tests.support.jobs.definitions import task_definition

SETTINGS = WorkerSettings(
    broker=BrokerSettings.model_validate({"url": "amqp://in-memory"}),
    health=HealthSettings(address="127.0.0.1:0"),
)


def run_task(
    task_id: str,
    script: str,
    resources: dict[str, int] | None = None,
    job_id: str = "job",
    origin: str | None = None,
    **definition: object,
) -> Outgoing:
    encoded = shared.definition.encode(task_definition({"run": script, **definition}))
    message = RunTask(
        job_id=job_id,
        task_id=task_id,
        dispatch=1,
        queue="default",
        definition=encoded,
        resources=resources,
        origin=origin,
    )
    return Outgoing("default", encode(message), task_id)


class Running:
    def __init__(self, answer_seconds: float = 0, **settings: object) -> None:
        work = WorkSettings.model_validate({"queues": "default:1", "drain_seconds": 0, **settings})
        self.name = work.name
        self.broker = InProcessBroker()
        self.stop = Stop()
        self.watch = RuntimeWatch(make_runtime(RuntimeSettings(type="shell")))
        chosen = SETTINGS.model_copy(update={"worker": work})
        parts = app.Parts(self.broker, self.watch, NoStore(), answer_seconds=answer_seconds)
        self.task = asyncio.create_task(app.run(chosen, parts, self.stop))

    async def heartbeat(self) -> Heartbeat:
        """Its next one that can be placed on."""
        async with self.broker.consume(HEARTBEATS, prefetch=1) as consumer:
            while True:
                [delivery] = await consumer.batch(1)
                await delivery.ack()
                heartbeat = decode(delivery.body)
                assert isinstance(heartbeat, Heartbeat)
                if heartbeat.node is not None and heartbeat.node.engines:
                    self.node_id = heartbeat.node_id
                    return heartbeat

    async def place(
        self, task_id: str, script: str, resources: dict[str, int], kind: str = "batch"
    ) -> None:
        """What the coordinator sends when an execution is placed on this worker."""
        queue = node_task_queue(self.node_id)
        definition = shared.definition.encode(task_definition({"run": script}))
        definition["execution"] = {"type": kind, "index": 0, "count": 1}
        message = RunTask(
            job_id="job",
            task_id=task_id,
            dispatch=1,
            queue=queue,
            definition=definition,
            resources=resources,
        )
        await self.broker.publish([Outgoing(queue, encode(message), task_id)])

    async def returned(self) -> Returned:
        """The next task that it gives back."""
        return (await self._reports("returned")).returned[0]

    async def tell(self, availability: Availability) -> Heartbeat:
        """Its first heartbeat that says that it follows."""
        await self._order(Orders(availability=availability))
        while (heartbeat := await self.heartbeat()).availability != availability:
            pass
        return heartbeat

    async def granted(self) -> str:
        """Grant the next task it claims; its id."""
        reports = await self._reports("claims")
        self.node_id = reports.node_id
        await self._order(Orders(granted=list(reports.claims)))
        return reports.claims[0].task_id

    async def _reports(self, kind: Literal["claims", "returned"]) -> Reports:
        """The next that have some of this kind."""
        async with self.broker.consume(COMPLETIONS, prefetch=1) as consumer:
            while True:
                [delivery] = await consumer.batch(1)
                await delivery.ack()
                reports = decode(delivery.body)
                assert isinstance(reports, Reports)
                if getattr(reports, kind):
                    return reports

    async def stop_task(self, task_id: str) -> None:
        stop = StopOrder(job_id="job", task_id=task_id, dispatch=1, reason="cancelled")
        await self._order(Orders(stop=[stop]))

    async def _order(self, orders: Orders) -> None:
        await self.broker.publish([Outgoing(node_queue(self.node_id), encode(orders), "order")])

    async def reported(self) -> list[str]:
        """What it reports next, claims aside."""
        found: list[str] = []
        async with self.broker.consume(COMPLETIONS, prefetch=1) as consumer:
            while not found:
                [delivery] = await consumer.batch(1)
                await delivery.ack()
                reports = decode(delivery.body)
                assert isinstance(reports, Reports)
                found += [f"returned {r.task_id}" for r in reports.returned]
                found += [f"finished {r.task_id}" for r in reports.finished]
        return found
