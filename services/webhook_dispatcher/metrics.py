"""What /metrics tells of a webhook dispatcher: the calls it makes, and those that are owed."""

from shared.process.guarantees import WEBHOOKS_ARRIVE
from shared.process.metrics import SECONDS, Metrics, MetricSpec

_CALLS = MetricSpec(
    "webhook_calls_total",
    "Calls of webhooks: `taken` by the receiver, `failed` (tried again later), or `given_up` after "
    "the last attempt, or because another would give the same.",
    WEBHOOKS_ARRIVE,
    "any `given_up`: that receiver was not told; many `failed`: a receiver is down",
    labels=("outcome",),
)
_SECONDS = MetricSpec(
    "webhook_call_seconds",
    "How long receivers took to answer, errors and time-outs included.",
    alarm="a 95th percentile near `CONVEYOR_WEBHOOK_TIMEOUT_SECONDS`",
    buckets=SECONDS,
)


class DispatcherMetrics:
    def __init__(self, metrics: Metrics) -> None:
        calls = metrics.counter(_CALLS)
        self.taken = calls.labels("taken")
        self.failed = calls.labels("failed")
        self.given_up = calls.labels("given_up")
        self.call_seconds = metrics.histogram(_SECONDS)
