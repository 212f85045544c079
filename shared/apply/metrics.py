"""What /metrics tells of the store: batches, events that changed nothing, and the outbox."""

from shared.process.guarantees import COUNTS_ONCE, ENDS, PUT_ASIDE
from shared.process.metrics import SECONDS, SIZES, Metrics, MetricSpec

_BATCH_EVENTS = MetricSpec(
    "batch_events",
    "How many events were applied in one transaction.",
    alarm="nearly all at 200: this coordinator is at its limit, start another",
    buckets=SIZES,
)
_BATCH_SECONDS = MetricSpec(
    "batch_seconds",
    "How long the transaction of one batch took, its commit included.",
    alarm="a median above 0.25 s: Postgres is slow, or its disk",
    buckets=SECONDS,
)
_IGNORED = MetricSpec(
    "events_ignored_total",
    "Events that changed nothing, by kind: late, repeated, or of a dispatch that is over. "
    "`TaskSucceeded` and `TaskFailed` are late results.",
    COUNTS_ONCE,
    "none by itself; many late results mean that leases are too short for this network",
    labels=("event",),
)
_FAILED = MetricSpec(
    "events_failed_total",
    "Events that could not be applied for a reason that does not pass: their messages are "
    "dead-lettered.",
    PUT_ASIDE,
    "any increase: a defect, the log has its traceback",
)
_RELAYED = MetricSpec(
    "outbox_relayed_total",
    "Outbox rows that were sent by a relay, and not right after their commit: their sender had "
    "died, or the broker was away.",
    ENDS,
    "a rate that stays above 0 while nothing is restarted",
)


class StoreMetrics:
    """Of one engine. Nothing is counted more than once a batch, but what is rare."""

    def __init__(self, metrics: Metrics) -> None:
        self.batch_events = metrics.histogram(_BATCH_EVENTS)
        self.batch_seconds = metrics.histogram(_BATCH_SECONDS)
        self.ignored = metrics.counter(_IGNORED)
        self.failed = metrics.counter(_FAILED)
        self.relayed = metrics.counter(_RELAYED)
