"""How much waits in the outbox, and for how long: looked at now and then, shown in /metrics.

The page itself asks nobody, so it answers while Postgres is away; the oldest row grows older then.
"""

from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired
from shared.process.clock import monotonic_boottime
from shared.process.loops import every
from shared.process.metrics import ENDS, Metrics, MetricSpec
from shared.process.run import Stop

LOOK_SECONDS = 5.0

_MOST_ROWS = 10_000

# By the primary key both: the first row that is still there, and a count that ends somewhere. One
# statement, so that the two are of one moment.
BACKLOG = f"""
SELECT
    count(*) AS rows,
    extract(epoch FROM clock_timestamp() - (
        SELECT created_at FROM outbox ORDER BY id LIMIT 1
    ))::float8 AS age
FROM (SELECT FROM outbox ORDER BY id LIMIT {_MOST_ROWS}) AS o
"""  # noqa: S608 - a number of our own

_AGE = MetricSpec(
    "outbox_oldest_seconds",
    "Age of the oldest message that is stored but not yet confirmed by the "
    "broker, 0 without one, system-wide.",
    ENDS,
    "above 30: nothing sends it, see `conveyor_health_missing` of coordinators and schedulers",
)
_ROWS = MetricSpec(
    "outbox_rows",
    f"Messages that are stored but not yet confirmed by the broker, {_MOST_ROWS:,} "
    "at most, system-wide.",
    ENDS,
    "growing while RabbitMQ is up",
)


async def watch_outbox(pool: Pool, metrics: Metrics, stop: Stop) -> None:
    """Look at it until `stop`."""
    look = OutboxBacklog(pool, metrics).look
    await every(look, interval_seconds=LOOK_SECONDS, stop=stop, name="look_at_outbox")


class OutboxBacklog:
    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._rows = 0
        self._oldest_at: float | None = None  # by the clock of this process
        metrics.read_one(_AGE, self._age)
        metrics.read_one(_ROWS, lambda: self._rows)

    async def look(self) -> None:
        """One round; what was seen stays while the database is away."""
        try:
            async with acquired(self._pool) as connection:
                self._rows, age = await connection.fetchrow(BACKLOG)
        except DatabaseUnavailable:
            return  # /health and the log say so already
        self._oldest_at = None if age is None else monotonic_boottime() - age

    def _age(self) -> float:
        return 0.0 if self._oldest_at is None else monotonic_boottime() - self._oldest_at
