"""What every attempt of a worker works with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.worker.definition import Definitions
from services.worker.held_tasks import HeldTask
from services.worker.metrics import WorkerMetrics
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.settings import WorkSettings
from shared.broker.publisher import Publisher
from shared.process.metrics import Metrics
from shared.tracing.protocol import OFF, Tracing


@dataclass(frozen=True, slots=True)
class AttemptContext:
    node_id: str
    settings: WorkSettings
    watch: RuntimeWatch
    definitions: Definitions
    reporter: Reporter
    telemetry: Publisher
    lease_is_valid: Callable[[HeldTask], bool]  # whether a lease, once granted, certainly lasts
    tracing: Tracing = OFF
    metrics: WorkerMetrics = field(default_factory=lambda: WorkerMetrics(Metrics()))
