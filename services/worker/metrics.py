"""What /metrics tells of a worker: its signs of life, what it has in hand, how that ends."""

from collections.abc import Callable

from services.worker.held_tasks import HeldTasks, Interruption
from shared.messages import Finished, Returned
from shared.process.metrics import ENDS, RUNS_ONCE, STOPS_IN_TIME, Metrics, MetricSpec

_AGE = MetricSpec(
    "heartbeat_age_seconds",
    "Time since the broker confirmed the last heartbeat of this worker.",
    STOPS_IN_TIME,
    "above half of `CONVEYOR_WORKER_LEASE_SECONDS`: at 0.8 of it tasks are stopped",
)
_IN_HAND = MetricSpec(
    "tasks_in_hand",
    "Tasks that this worker holds, pending claims included.",
)
_SLOTS = MetricSpec(
    "worker_slots",
    "Maximum number of tasks that this worker can hold.",
)
_ENDED = MetricSpec(
    "tasks_reported_total",
    "Task reports of this worker: `succeeded`, `failed`, or `returned` unfinished.",
    ENDS,
    "many `returned` while no worker is stopped",
    labels=("outcome",),
)
_INTERRUPTED = MetricSpec(
    "tasks_interrupted_total",
    "Tasks stopped before their end, by reason. `lease_lost`: no confirmed "
    "heartbeat for too long, or granted too late; `killed_by_watchdog`: ended by "
    "the watchdog while this worker was frozen.",
    STOPS_IN_TIME,
    "any `lease_lost` or `killed_by_watchdog`: the broker was not reachable, or "
    "the machine was frozen",
    labels=("why",),
)
_HOLDS = MetricSpec(
    "node_holds_total",
    "Holds that this worker put itself on, after failures of several jobs in a row.",
    alarm="any increase: `conveyor nodes show` says what failed",
)
_REPEATED = MetricSpec(
    "dispatches_repeated_total",
    "Messages dropped because this worker holds or held their dispatch.",
    RUNS_ONCE,
)


class WorkerMetrics:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        ended = metrics.counter(_ENDED)
        self._succeeded, self._failed = ended.labels("succeeded"), ended.labels("failed")
        self._returned = ended.labels("returned")
        self._interrupted = metrics.counter(_INTERRUPTED)
        self.killed_by_watchdog = self._interrupted.labels("killed_by_watchdog")
        for why in Interruption:
            self._interrupted.labels(_label(why))
        self.holds = metrics.counter(_HOLDS)
        self.repeated = metrics.counter(_REPEATED)

    def show(
        self, held_tasks: HeldTasks, slots: int, heartbeat_age_seconds: Callable[[], float]
    ) -> None:
        metrics = self._metrics
        metrics.read_one(_AGE, heartbeat_age_seconds)
        metrics.read_one(_IN_HAND, lambda: len(held_tasks))
        metrics.read_one(_SLOTS, lambda: slots)

    def on_reported(self, report: Finished | Returned) -> None:
        if isinstance(report, Returned):
            self._returned.inc()
        elif report.error is None:
            self._succeeded.inc()
        else:
            self._failed.inc()

    def on_interrupted(self, why: Interruption) -> None:
        self._interrupted.labels(_label(why)).inc()


def _label(why: Interruption) -> str:
    return why.value.replace(" ", "_")
