"""Follows the feed from any place on: first by pages of its own, then with the hub.

Joining leaves no gap and repeats nothing: the hub says where its rows begin, pages are read up to
there, and rows of the hub that came in a page are skipped.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

import structlog

from services.coordinator.live.hub import Hub
from services.coordinator.live.subscriptions import FellBehind, HubClosed, Interest, Subscription
from services.coordinator.store.feed import Cursor, Feed, FeedPage, FeedRow
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool
from shared.process.loops import backoff_seconds
from shared.process.metrics import Metrics, MetricSpec

_OPEN = MetricSpec(
    "live_streams",
    "Open event and log streams of this coordinator.",
)
log = structlog.get_logger(__name__)

# The hub has seen more than is there now: a server took over that had not heard the last of it.
_BEHIND_SECONDS = 0.1


class Follower:
    """`cursor` is the place up to which all has been handed out."""

    def __init__(self, feed: Feed, hub: Hub, interest: Interest, start: Cursor) -> None:
        self.cursor = start
        self._feed = feed
        self._hub = hub
        self._interest = interest
        self._subscription: Subscription | None = None
        self._failures = 0

    def __enter__(self) -> "Follower":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    @property
    def is_live(self) -> bool:
        """Whether the hub brings what comes; before that, pages are still to be read."""
        if self._subscription is None or self._subscription.start is None:
            return False
        return self.cursor >= self._subscription.start

    async def rows(self, patience_seconds: float) -> Sequence[FeedRow]:
        """The next rows; none when none have come in time. Raises HubClosed."""
        if self._hub.is_closed:
            raise HubClosed
        if not self.is_live:
            return await self._read()
        try:
            return await self._take(patience_seconds)
        except FellBehind:  # whoever we bring it to is slow: it is read again as that allows
            self._leave()
            return ()

    async def _take(self, patience_seconds: float) -> Sequence[FeedRow]:
        assert self._subscription is not None  # noqa: S101 - `is_live` says so, mypy can't know
        rows, cursor = await self._subscription.take(patience_seconds)
        news = [row for row in rows if row.cursor > self.cursor]
        self.cursor = max(self.cursor, cursor or self.cursor)
        return news

    async def _read(self) -> Sequence[FeedRow]:
        try:
            page = await self._page()
        except DatabaseUnavailable as error:
            self._failures += 1
            delay = backoff_seconds(self._failures)
            log.warning("feed_read_failed", error=str(error), retry_in_seconds=delay)
            await asyncio.sleep(delay)
            return ()
        self._failures = 0
        self.cursor = page.cursor
        if page.is_last and self._subscription is None:
            self._subscription = self._hub.join(self._interest, self.cursor)
            await self._subscription.begun()
        elif page.is_last and not self.is_live:
            await asyncio.sleep(_BEHIND_SECONDS)
        return page.rows

    async def _page(self) -> FeedPage:
        interest = self._interest
        if interest.job_id is not None:
            return await self._feed.page_of_job(
                self.cursor, interest.job_id, task_id=interest.task_id
            )
        readers = None if interest.readers is None else sorted(interest.readers)
        return await self._feed.page(self.cursor, jobs=None, readers=readers)

    def _leave(self) -> None:
        if self._subscription is not None:
            self._hub.leave(self._subscription)
            self._subscription = None


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
