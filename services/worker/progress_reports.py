"""The progress of one task on its way out: a report for each change."""

import asyncio
import uuid

from shared.broker.protocol import Outgoing
from shared.broker.publisher import Publisher
from shared.messages import ProgressReport, TaskRef, Telemetry, encode
from shared.messages.queues import TELEMETRY


class ProgressReports:
    """A `ProgressSink`."""

    def __init__(self, ref: TaskRef, node_id: str, publisher: Publisher) -> None:
        self._ref = ref.model_dump()
        self._node_id = node_id
        self._publisher = publisher
        self._sending: set[asyncio.Task[None]] = set()

    def __call__(self, progress: float) -> None:
        report = ProgressReport(**self._ref, progress=min(max(progress, 0.0), 100.0))
        telemetry = Telemetry(node_id=self._node_id, progress=[report])
        message = Outgoing(TELEMETRY, encode(telemetry), uuid.uuid4().hex)
        sending = asyncio.create_task(self._publisher.send([message]))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
