"""All that live streams stand on, made once for each coordinator."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.coordinator.live.follower import Follower
from services.coordinator.live.hub import Hub
from services.coordinator.live.interest import Interest
from services.coordinator.store.feed import Cursor, Feed
from shared.postgres.pool import Pool
from shared.process.metrics import Metrics, MetricSpec

_OPEN = MetricSpec(
    "live_streams",
    "Streams of events and logs that are open on this coordinator.",
)


class Live:
    """The streams of one coordinator; `open_streams` counts them for /metrics."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.feed = Feed(pool)
        self._hub = Hub(self.feed)
        self._open_streams = metrics.gauge(_OPEN)

    @contextmanager
    def following(self, interest: Interest, start: Cursor) -> Iterator[Follower]:
        """A stream that counts as open while the context lasts."""
        with (
            self._open_streams.track_inprogress(),
            Follower(self.feed, self._hub, interest, start) as follower,
        ):
            yield follower

    async def close(self) -> None:
        """All streams end."""
        await self._hub.close()
