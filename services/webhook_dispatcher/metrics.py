"""What /metrics tells of a webhook dispatcher: the calls it makes, and those that are owed."""

import time

from services.webhook_dispatcher.receivers import Receivers
from services.webhook_dispatcher.store import deliveries, lines
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired
from shared.process.loops import every
from shared.process.metrics import SECONDS, WEBHOOKS_ARRIVE, Metrics, MetricSpec
from shared.process.run import Stop

_LOOK_SECONDS = 5.0

_CALLS = MetricSpec(
    "webhook_calls_total",
    "Webhook requests: `delivered`, `failed` (will be repeated), or `given_up` "
    "after the last attempt or a permanent failure.",
    WEBHOOKS_ARRIVE,
    "any `given_up`: the receiver missed a change; many `failed`: a receiver is down",
    labels=("outcome",),
)
_SECONDS = MetricSpec(
    "webhook_call_seconds",
    "Response time of receivers, errors and time-outs included.",
    alarm="a 95th percentile near `CONVEYOR_WEBHOOK_TIMEOUT_SECONDS`",
    buckets=SECONDS,
)
_OWED = MetricSpec(
    "webhook_calls_owed",
    f"Pending webhook requests, {deliveries.MOST_COUNTED:,} at most, system-wide.",
    WEBHOOKS_ARRIVE,
    "growing: receivers are down, or there are too few dispatchers",
)
_LATE = MetricSpec(
    "webhook_overdue_seconds",
    "Delay of the most overdue webhook request, system-wide, except to receivers that are paused.",
    WEBHOOKS_ARRIVE,
    "above 60: no dispatcher works, or there are too few",
)
_PAUSED = MetricSpec(
    "webhook_receivers_paused",
    "Receivers that get no requests for a while, because the last ones have failed.",
    WEBHOOKS_ARRIVE,
    "growing: receivers are down, or the network is",
)


class DispatcherMetrics:
    def __init__(self, metrics: Metrics) -> None:
        calls = metrics.counter(_CALLS)
        self.delivered = calls.labels("delivered")
        self.failed = calls.labels("failed")
        self.given_up = calls.labels("given_up")
        self.call_seconds = metrics.histogram(_SECONDS)


async def watch_calls(pool: Pool, metrics: Metrics, receivers: Receivers, stop: Stop) -> None:
    """Show until `stop` how many calls are owed; what was seen stays while the database is away."""
    shown_owed, shown_late = metrics.gauge(_OWED), metrics.gauge(_LATE)
    shown_paused = metrics.gauge(_PAUSED)

    async def look_at_calls() -> None:
        paused = receivers.paused(time.monotonic())
        shown_paused.set(len(paused))
        try:
            async with acquired(pool) as connection:
                owed = await deliveries.owed(connection)
                late_seconds = await lines.seconds_late(connection, paused)
        except DatabaseUnavailable:
            return  # /health and the log say so already
        shown_owed.set(owed)
        shown_late.set(late_seconds)

    await every(look_at_calls, interval_seconds=_LOOK_SECONDS, stop=stop)
