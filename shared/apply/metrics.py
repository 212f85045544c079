"""What /metrics tells of the store: batches, events that changed nothing, and the outbox."""

from shared.process.metrics import COUNTS_ONCE, ENDS, PUT_ASIDE, SECONDS, SIZES, Metrics, MetricSpec

_BATCH_EVENTS = MetricSpec(
    "batch_events",
    "Events applied in one transaction.",
    alarm="nearly all at 200: this coordinator is at its limit, start another",
    buckets=SIZES,
)
_BATCH_SECONDS = MetricSpec(
    "batch_seconds",
    "Duration of the transaction of a batch, commit included.",
    alarm="a median above 0.25 s: Postgres or its disk is slow",
    buckets=SECONDS,
)
_IGNORED = MetricSpec(
    "events_ignored_total",
    "Events that changed nothing, by kind: late, repeated, or of an earlier "
    "dispatch. `TaskSucceeded` and `TaskFailed` are late results.",
    COUNTS_ONCE,
    "none by itself; many late results mean that leases are too short for this network",
    labels=("event",),
)
_FAILED = MetricSpec(
    "events_failed_total",
    "Events that could not be applied for a permanent reason: their messages are dead-lettered.",
    PUT_ASIDE,
    "any increase: a defect, the log has its traceback",
)
_RELAYED = MetricSpec(
    "outbox_relayed_total",
    "Outbox rows sent by a relay instead of right after their commit: their "
    "sender crashed, or the broker was down.",
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
