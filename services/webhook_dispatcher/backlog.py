"""How many webhook calls are owed, and how late they are: looked at now and then, for /metrics."""

from services.webhook_dispatcher.store import deliveries
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired
from shared.process.guarantees import WEBHOOKS_ARRIVE
from shared.process.loops import every
from shared.process.metrics import Metrics, MetricSpec
from shared.process.run import Stop

_LOOK_SECONDS = 5.0

_OWED = MetricSpec(
    "webhook_calls_owed",
    f"Webhook calls that are still owed, {deliveries.MOST_COUNTED:,} at most; in the whole system.",
    WEBHOOKS_ARRIVE,
    "growing: receivers are down, or there are too few dispatchers",
)
_LATE = MetricSpec(
    "webhook_overdue_seconds",
    "Seconds since the most overdue webhook call should have been made, or the calls of a change "
    "been found; in the whole system.",
    WEBHOOKS_ARRIVE,
    "above 60: no dispatcher works, or there are too few",
)


class CallBacklog:
    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._owed = metrics.gauge(_OWED)
        self._late = metrics.gauge(_LATE)

    async def look(self) -> None:
        """One round; what was seen stays while the database is away."""
        try:
            async with acquired(self._pool) as connection:
                owed, late_seconds = await deliveries.backlog(connection)
        except DatabaseUnavailable:
            return  # /health and the log say so already
        self._owed.set(owed)
        self._late.set(late_seconds)


async def watch_calls(pool: Pool, metrics: Metrics, stop: Stop) -> None:
    """Look at it until `stop`."""
    look = CallBacklog(pool, metrics).look
    await every(look, interval_seconds=_LOOK_SECONDS, stop=stop, name="look_at_calls")
