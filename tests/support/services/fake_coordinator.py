"""The coordinator's side of conversations with real workers: it grants, orders and listens."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import shared.definition
from shared.broker.consuming import BatchConsumer, Failures
from shared.broker.protocol import Broker, Outgoing
from shared.broker.rabbitmq.broker import open_broker
from shared.messages import (
    Heartbeat,
    Orders,
    Refusal,
    Reports,
    RunTask,
    StopOrder,
    TaskRef,
    Telemetry,
    encode,
)
from shared.messages.queues import COMPLETIONS, HEARTBEATS, TELEMETRY, node_queue, node_task_queue
from shared.process.settings.blocks import BrokerSettings
from tests.support.jobs.definitions import task_definition

Heard = Reports | Heartbeat | Telemetry


@dataclass
class FakeCoordinator:
    """`answers` says whether claims and adoptions are granted; None: they are not answered."""

    broker: Broker
    grants: bool | None = True
    timeout_seconds: float | None = None
    reports: list[Reports] = field(default_factory=list)
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    parts: dict[int, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """Of the only task; without what comes after a part that is still missing."""
        numbers = range(1, len(self.parts) + 1)
        return "".join(self.parts[n] for n in numbers if n in self.parts)

    @property
    def nodes(self) -> set[str]:
        """The workers that could be placed on."""
        return {n for n, beat in self.heartbeats.items() if beat.node and beat.node.engines}

    def adopters(self) -> list[tuple[str, str]]:
        """By whom, and whose the executions were."""
        return [(r.node_id, each.from_node_id) for r in self.reports for each in r.adopted]

    async def place(self, node_id: str, kind: str = "service", **task: object) -> TaskRef:
        """An execution on this worker."""
        queue = node_task_queue(node_id)
        definition = shared.definition.encode(task_definition(task))
        definition["execution"] = {"type": kind, "index": 0, "count": 1}
        ids = {"job_id": uuid.uuid4().hex, "task_id": uuid.uuid4().hex}
        timeout = self.timeout_seconds
        order = RunTask(
            **ids, dispatch=1, queue=queue, definition=definition, timeout_seconds=timeout
        )
        await self.broker.publish([Outgoing(queue, encode(order), order.task_id)])
        return order.ref

    async def stop(self, node_id: str, ref: TaskRef) -> None:
        order = StopOrder(**ref.model_dump(), reason="cancelled")
        await self._order(node_id, Orders(stop=[order]))

    async def listen(self, messages: Sequence[Heard]) -> Failures:
        for message in messages:
            if isinstance(message, Heartbeat):
                self.heartbeats[message.node_id] = message
            elif isinstance(message, Telemetry):
                for part in message.logs:
                    self.parts.setdefault(part.number, part.contents)
            elif isinstance(message, Reports):
                await self._on_reports(message)
        return [None] * len(messages)

    async def _on_reports(self, reports: Reports) -> None:
        self.reports.append(reports)
        for finished in reports.finished:
            for part in finished.log:
                self.parts.setdefault(part.number, part.contents)
        asked = [TaskRef(**{name: getattr(each, name) for name in TaskRef.model_fields})
                 for each in (*reports.claims, *reports.adopted)]  # fmt: skip
        if not asked or self.grants is None:
            return
        refused = [Refusal(**ref.model_dump(), reason="no") for ref in asked]
        orders = Orders(granted=asked) if self.grants else Orders(refused=refused)
        await self._order(reports.node_id, orders)

    async def _order(self, node_id: str, orders: Orders) -> None:
        await self.broker.publish([Outgoing(node_queue(node_id), encode(orders), uuid.uuid4().hex)])


def _listening(broker: Broker, queue: str, made: FakeCoordinator) -> BatchConsumer[Heard]:
    return BatchConsumer(broker, queue, (Reports, Heartbeat, Telemetry), made.listen, ())


@contextlib.asynccontextmanager
async def fake_coordinator(amqp_url: str) -> AsyncIterator[FakeCoordinator]:
    settings = BrokerSettings.model_validate({"url": amqp_url})
    async with open_broker(settings) as broker:
        made = FakeCoordinator(broker)
        listening = [
            asyncio.create_task(_listening(broker, queue, made).run())
            for queue in (COMPLETIONS, HEARTBEATS, TELEMETRY)
        ]
        try:
            yield made
        finally:
            for each in listening:
                each.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
