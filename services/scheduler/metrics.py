"""What /metrics tells of a scheduler: leases, dispatches, and the workers' signs of life."""

from services.scheduler.liveness import LivenessGuard
from shared.lifecycle import DispatchMissing, Event, LeaseExpired
from shared.process.guarantees import COUNTS_ONCE, ENDS, RUNS_ONCE
from shared.process.metrics import Metrics, MetricSpec

_HEARTBEATS = MetricSpec(
    "heartbeats_received_total",
    "Heartbeats of workers that this scheduler has taken in.",
    ENDS,
    "none over all schedulers for the length of a lease, while workers are up",
)
_RENEWED = MetricSpec(
    "leases_renewed_total",
    "Leases of running tasks that heartbeats have renewed.",
    RUNS_ONCE,
    "none over all schedulers while `conveyor_tasks_running` is above 0",
)
_LOST = MetricSpec(
    "leases_lost_total",
    "Leases that ran out, or whose worker was known to be dead: each task was dispatched anew, "
    "or has failed after five.",
    ENDS,
    "a rate that stays above 0: workers die, or heartbeats don't come through",
)
_RESENT = MetricSpec(
    "dispatches_resent_total",
    "Tasks whose message was gone from its queue, and that were sent again from their rows.",
    ENDS,
    "any increase while nobody has deleted a queue and RabbitMQ has not lost its data",
)
_QUERIED = MetricSpec(
    "dispatches_queried_total",
    "Dispatches that run on a worker by the books, though no heartbeat has named them for long: it "
    "was asked what became of them, before anybody else gets them.",
    COUNTS_ONCE,
    "a rate that stays above 0: reports get lost or lie unread",
)
_SILENT = MetricSpec(
    "workers_silent_total",
    "Workers that have been silent for the length of their lease without a goodbye.",
    ENDS,
    "any increase that no crash explains",
)
_MAY_DECLARE_LOST = MetricSpec(
    "scheduler_may_declare_lost",
    "1 while a silent worker may be taken for lost; 0 before heartbeats have flowed undisturbed "
    "for a while.",
    RUNS_ONCE,
    "0 on all schedulers for more than `CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS` after an outage",
)


class SchedulerMetrics:
    def __init__(self, metrics: Metrics, liveness: LivenessGuard) -> None:
        self.heartbeats = metrics.counter(_HEARTBEATS)
        self.leases_renewed = metrics.counter(_RENEWED)
        self.leases_lost = metrics.counter(_LOST)
        self.dispatches_resent = metrics.counter(_RESENT)
        self.dispatches_queried = metrics.counter(_QUERIED)
        self.workers_silent = metrics.counter(_SILENT)
        metrics.read_one(_MAY_DECLARE_LOST, lambda: liveness.grace_is_over)

    def on_decided(self, event: Event) -> None:
        """`event` has changed its task."""
        if isinstance(event, LeaseExpired):
            self.leases_lost.inc()
        elif isinstance(event, DispatchMissing):
            self.dispatches_resent.inc()
