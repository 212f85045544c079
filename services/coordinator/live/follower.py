"""Follows the feed from any place on: first by pages of its own, then with the hub.

Joining leaves no gap and repeats nothing: the hub says where its rows begin, pages are read up to
there, and rows of the hub that came in a page are skipped. A task's parts reach the database by two
queues and several coordinators, so one may be stored before its predecessor: it waits for it, but
not for ever.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import structlog

from services.coordinator.live.event_bodies import RenderedEvents
from services.coordinator.live.hub import FellBehind, Hub, HubClosed, Interest, Subscription
from services.coordinator.store.feed import Cursor, Feed, FeedPage, FeedRow, Kind
from shared.messages import PARTS_PER_DISPATCH
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
            self.close()
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
        with_logs = Kind.LOG in interest.kinds
        if interest.job_id is not None:
            return await self._feed.page_of_job(
                self.cursor, interest.job_id, task_id=interest.task_id, with_logs=with_logs
            )
        readers = None if interest.readers is None else sorted(interest.readers)
        jobs = interest.jobs
        return await self._feed.page(self.cursor, jobs=jobs, readers=readers, with_logs=with_logs)

    async def rest(self) -> None:
        """As long as the stream takes between two looks at what has come."""
        if self._interest.every_seconds and self.is_live:
            await self._hub.rest(self._interest.every_seconds)

    def close(self) -> None:
        if self._subscription is not None:
            self._hub.leave(self._subscription)
            self._subscription = None


class Live:
    """The streams of one coordinator; `open_count` is how many there are."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.feed = Feed(pool)
        self._hub = Hub(self.feed)
        self.rendered = RenderedEvents()
        self.open_count = 0
        metrics.read_one(_OPEN, lambda: self.open_count)

    @contextmanager
    def following(self, interest: Interest, start: Cursor) -> Iterator[Follower]:
        """A stream that counts as open while the context lasts."""
        self.open_count += 1
        try:
            with closing(Follower(self.feed, self._hub, interest, start)) as follower:
                yield follower
        finally:
            self.open_count -= 1

    def look(self) -> None:
        """This process has just committed something."""
        self._hub.look()

    async def close(self) -> None:
        """All streams end."""
        await self._hub.close()


_LOOK_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 2.0
_MOST_WAITING = 100  # parts of one task; with more the predecessor is not late but gone


class PartOrder:
    """Holds what came too early. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def take(self, row: FeedRow, now: float) -> list[FeedRow]:
        """What may go now that `row` has come: nothing, it, or it and its successors."""
        if row.part is None:
            return [row]
        task_id = row.part.row.task_id
        held = self._held.setdefault(task_id, _Held(now))
        held.rows[row.part.row.number] = row
        ready = list(held.ready())
        if len(held.rows) > _MOST_WAITING:
            ready += held.rest()
        if not held.rows:
            del self._held[task_id]
        return ready

    def overdue(self, now: float) -> list[FeedRow]:
        """What has waited long enough."""
        early = now - _LONGEST_WAIT_SECONDS
        late = [task_id for task_id, held in self._held.items() if held.since <= early]
        return [row for task_id in late for row in self._held.pop(task_id).rest()]


class _Held:
    """Parts of one task, by number."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.rows: dict[int, FeedRow] = {}

    def ready(self) -> Iterator[FeedRow]:
        """Takes out all up to the first that lacks its predecessor."""
        last = 0
        for number in sorted(self.rows):
            if number - 1 != last and _lacks_predecessor(self.rows[number]):
                return
            yield self.rows.pop(number)
            last = number

    def rest(self) -> list[FeedRow]:
        rows = [self.rows[number] for number in sorted(self.rows)]
        self.rows.clear()
        return rows


def _lacks_predecessor(row: FeedRow) -> bool:
    """Whether the part before it is still to come; each dispatch begins anew."""
    part = row.part
    if part is None or (part.row.number - 1) % PARTS_PER_DISPATCH == 0:
        return False
    return part.previous is None or part.previous > row.cursor


@dataclass(frozen=True, slots=True)
class Ready:
    """`row`, to be sent now. With it, all up to `resume` has been; None: something is held back."""

    row: FeedRow
    resume: Cursor | None


class OrderedFeed:
    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._order = PartOrder()

    @property
    def is_caught_up(self) -> bool:
        """Whether what was there when the hub looked last has been handed out."""
        return self._follower.is_live and not self._order.is_holding

    @property
    def cursor(self) -> Cursor:
        return self._follower.cursor

    async def rest(self) -> None:
        await self._follower.rest()

    async def ready(self, patience_seconds: float) -> list[Ready]:
        """What comes next; nothing when nothing has come in time. Raises HubClosed."""
        patience = min(patience_seconds, _LOOK_SECONDS) if self._order.is_holding else None
        rows = await self._follower.rows(patience_seconds if patience is None else patience)
        now = time.monotonic()
        ready: list[Ready] = []
        for row in rows:
            ready += self._marked(self._order.take(row, now), row.cursor)
        if self._follower.is_live:  # until then a predecessor may be on the next page
            ready += self._marked(self._order.overdue(now), self._follower.cursor)
        return ready

    def _marked(self, rows: list[FeedRow], cursor: Cursor) -> list[Ready]:
        ready = [Ready(row, None) for row in rows]
        if ready and not self._order.is_holding:
            ready[-1] = Ready(rows[-1], cursor)
        return ready
