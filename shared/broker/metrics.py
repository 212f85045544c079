"""What /metrics tells of a broker: its consumers, and what they have met."""

from collections import Counter
from collections.abc import Mapping

from shared.broker.protocol import Broker, ConsumerCounts, queue_label
from shared.process.metrics import ENDS, PUT_ASIDE, RECOVERS, Metrics, MetricSpec

_REDELIVERED = MetricSpec(
    "messages_redelivered_total",
    "Messages delivered before to a consumer that did not acknowledge them.",
    ENDS,
    "a rate that stays above 0 while nothing is restarted",
    labels=("queue",),
)
_REQUEUED = MetricSpec(
    "messages_requeued_total",
    "Messages returned to their queue because Postgres or the broker was down.",
    ENDS,
    "a rate that stays above 0: see `conveyor_health_missing`",
    labels=("queue",),
)
_DEAD_LETTERED = MetricSpec(
    "messages_dead_lettered_total",
    "Messages moved to `dead-letters`, by original queue and reason.",
    PUT_ASIDE,
    "any increase: `conveyor dead-letters list`",
    labels=("queue", "reason"),
)
_WANTED = MetricSpec(
    "consumers_wanted",
    "Consumers that this process should have; fewer on a worker whose slots are full.",
    RECOVERS,
    labels=("queue",),
)
_LIVE = MetricSpec(
    "consumers_live",
    "Consumers of this process that the broker currently knows.",
    RECOVERS,
    "below `conveyor_consumers_wanted` for a minute: it receives nothing from that queue",
    labels=("queue",),
)


def show_broker(metrics: Metrics, broker: Broker) -> None:
    """Adds the metrics of `broker`. Those of a worker's own queue are named `node`."""
    counts = broker.consumer_counts
    metrics.read(_WANTED, lambda: _subscriptions(broker, live=False))
    metrics.read(_LIVE, lambda: _subscriptions(broker, live=True))
    metrics.read(_REDELIVERED, lambda: _labelled(counts.redelivered))
    metrics.read(_REQUEUED, lambda: _labelled(counts.requeued))
    metrics.read(_DEAD_LETTERED, lambda: _dead_lettered(counts))


def _dead_lettered(counts: ConsumerCounts) -> Mapping[tuple[str, ...], float]:
    return {(queue, reason): count for (queue, reason), count in counts.dead_lettered.items()}


def _labelled(counts: Counter[str]) -> Mapping[tuple[str, ...], float]:
    return {(queue,): count for queue, count in counts.items()}


def _subscriptions(broker: Broker, *, live: bool) -> Mapping[tuple[str, ...], float]:
    """Those that pause have a line too: 0, and not the last value for ever."""
    counts: Counter[str] = Counter()
    for each in broker.subscriptions:
        counts[queue_label(each.queue)] += each.is_wanted and (each.is_live or not live)
    return _labelled(counts)
