"""What /metrics tells of a scheduler: leases, dispatches, and the workers' signs of life."""

from services.scheduler.liveness import LivenessGuard
from shared.lifecycle import DispatchMissing, Event, LeaseExpired
from shared.process.metrics import (
    COUNTS_ONCE,
    ENDS,
    LEAVES_NOTHING,
    RUNS_ONCE,
    SECONDS,
    Metrics,
    MetricSpec,
)

_HEARTBEATS = MetricSpec(
    "heartbeats_received_total",
    "Heartbeats that this scheduler has processed.",
    ENDS,
    "none on all schedulers for the length of a lease, while workers are online",
)
_RENEWED = MetricSpec(
    "leases_renewed_total",
    "Leases of running tasks that heartbeats have renewed.",
    RUNS_ONCE,
    "none on all schedulers while `conveyor_tasks_running` is above 0",
)
_LOST = MetricSpec(
    "leases_lost_total",
    "Leases that expired, or whose worker was known to be dead: the task was "
    "dispatched again, or failed after five.",
    ENDS,
    "a rate that stays above 0: workers crash, or heartbeats do not arrive",
)
_RESENT = MetricSpec(
    "dispatches_resent_total",
    "Tasks sent again because their message was missing from its queue.",
    ENDS,
    "any increase, unless a queue was deleted or RabbitMQ lost its data",
)
_QUERIED = MetricSpec(
    "dispatches_queried_total",
    "Dispatches that run according to their row, but that no heartbeat has named "
    "for long: the worker was asked before the task is given to another.",
    COUNTS_ONCE,
    "a rate that stays above 0: reports are lost or not read",
)
_SILENT = MetricSpec(
    "workers_silent_total",
    "Workers that were silent for the length of their lease without signing off.",
    ENDS,
    "any increase that no crash explains",
)
_MAY_DECLARE_LOST = MetricSpec(
    "scheduler_may_declare_lost",
    "1 while this scheduler may declare a silent worker lost; 0 until heartbeats "
    "have arrived without interruption for a while.",
    RUNS_ONCE,
    "0 on all schedulers for more than `CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS` after an outage",
)
_LATENESS = MetricSpec(
    "schedule_lateness_seconds",
    "Time from when a job of a schedule was due until it was created; longer for firings that were "
    "missed while no scheduler ran.",
    alarm="a 99th percentile above 10 s: more schedules are due together than schedulers can fire",
    buckets=SECONDS,
)

_EXECUTIONS_WAITING = MetricSpec(
    "executions_waiting",
    "Executions of placed tasks without a node, as of the last round of placement of this "
    "scheduler.",
    ENDS,
    "above 0 for long: no node fits, or all are full; `GET /jobs/{id}/placement` tells why",
)
_PLACEMENT_SECONDS = MetricSpec(
    "placement_round_seconds",
    "Duration of a round of placement, from asking for the turn to the last commit.",
    alarm="a median above 2 s: placement falls behind",
    buckets=SECONDS,
)
_OBJECTS_REMOVED = MetricSpec(
    "objects_removed_total",
    "Objects removed from the file store: of deleted jobs and uploads, of attempts that were "
    "repeated, and what crashes left.",
    LEAVES_NOTHING,
)
_REMOVALS_FAILED = MetricSpec(
    "object_removals_failed_total",
    "Removals that the file store could not perform: they are repeated.",
    LEAVES_NOTHING,
    "a rate that stays above 0: the store is away, or refuses; the log has its reason",
)


class SchedulerMetrics:
    def __init__(self, metrics: Metrics, liveness: LivenessGuard) -> None:
        self.heartbeats = metrics.counter(_HEARTBEATS)
        self.leases_renewed = metrics.counter(_RENEWED)
        self.leases_lost = metrics.counter(_LOST)
        self.dispatches_resent = metrics.counter(_RESENT)
        self.dispatches_queried = metrics.counter(_QUERIED)
        self.workers_silent = metrics.counter(_SILENT)
        self.schedule_lateness = metrics.histogram(_LATENESS)
        self.executions_waiting = metrics.gauge(_EXECUTIONS_WAITING)
        self.placement_seconds = metrics.histogram(_PLACEMENT_SECONDS)
        self.objects_removed = metrics.counter(_OBJECTS_REMOVED)
        self.removals_failed = metrics.counter(_REMOVALS_FAILED)
        metrics.read_one(_MAY_DECLARE_LOST, lambda: liveness.grace_is_over)

    def on_decided(self, event: Event) -> None:
        """`event` has changed its task."""
        if isinstance(event, LeaseExpired):
            self.leases_lost.inc()
        elif isinstance(event, DispatchMissing):
            self.dispatches_resent.inc()
