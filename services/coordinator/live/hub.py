"""The hub: one reader of the feed for all streams of a coordinator, what it has brought them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog

from services.coordinator.store.feed import ALL_KINDS, Cursor, FeedPage, FeedRow, Kind
from services.coordinator.store.rows import Readers
from shared.postgres.errors import DatabaseUnavailable
from shared.process.loops import backoff_seconds


@dataclass(frozen=True, slots=True)
class Interest:
    """One job (whoever asks was found to be allowed), or all that one of `readers` may see.

    With `task_id` of the job's log parts only that task's. `readers` None: all jobs; with `jobs`
    only those. `every_seconds`: so often at most it is asked for what has come.
    """

    job_id: str | None = None
    task_id: str | None = None
    readers: frozenset[str] | None = None
    jobs: frozenset[str] | None = None
    kinds: frozenset[Kind] = ALL_KINDS
    every_seconds: float = 0.0

    def wants(self, row: FeedRow) -> bool:
        if self.kinds.isdisjoint(row.kinds):
            return False
        if self.job_id is not None:
            return row.job_id == self.job_id and self._is_of_task(row)
        if self.jobs is not None and row.job_id not in self.jobs:
            return False
        return self.readers is None or not row.readers or not self.readers.isdisjoint(row.readers)

    def _is_of_task(self, row: FeedRow) -> bool:
        return self.task_id is None or row.part is None or row.part.row.task_id == self.task_id


@dataclass(frozen=True, slots=True)
class Asked:
    """What the feed is asked for on behalf of many. None stands for all."""

    jobs: Sequence[str] | None
    readers: Sequence[str] | None
    with_logs: bool = True


def together(interests: Iterable[Interest]) -> Asked:
    """The least that holds what each of `interests` wants."""
    jobs: set[str] = set()
    everywhere: list[Interest] = []
    with_logs = False
    for interest in interests:
        with_logs = with_logs or Kind.LOG in interest.kinds
        if interest.job_id is not None:
            jobs.add(interest.job_id)
        elif interest.jobs is not None:
            jobs |= interest.jobs
        else:
            everywhere.append(interest)
    if not everywhere:
        return Asked(sorted(jobs), None, with_logs)
    if jobs or any(interest.readers is None for interest in everywhere):
        # Who follows one job may see more than those who follow all of theirs.
        return Asked(None, None, with_logs)
    readers = sorted({reader for i in everywhere for reader in i.readers or ()})
    return Asked(None, readers, with_logs)


class FellBehind(Exception):
    """More rows were waiting than are kept: read them from the feed."""


class HubClosed(Exception):
    """The coordinator stops."""


class Subscription:
    """Rows after `start`, once there is one; at most `capacity` of them wait here."""

    def __init__(self, interest: Interest, capacity: int) -> None:
        self.interest = interest
        self.start: Cursor | None = None
        self._capacity = capacity
        self._rows: list[FeedRow] = []
        self._cursor: Cursor | None = None
        self._fell_behind = False
        self._closed = False
        self._news = asyncio.Event()
        self._begun = asyncio.Event()

    def begin(self, cursor: Cursor) -> None:
        """From now on the hub brings what is after `cursor`."""
        self.start = self._cursor = cursor
        self._begun.set()

    def bring(self, rows: Sequence[FeedRow], cursor: Cursor) -> None:
        """`rows`, in which nothing that is wanted before `cursor` is missing."""
        self._cursor = cursor
        if not rows or self._fell_behind:
            return
        self._rows += rows
        if len(self._rows) > self._capacity:
            self._fell_behind = True
            self._rows.clear()
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()
        self._begun.set()

    async def begun(self) -> None:
        """Wait until there is a `start`. Raises HubClosed."""
        await self._begun.wait()
        if self._closed:
            raise HubClosed

    async def take(self, patience_seconds: float) -> tuple[Sequence[FeedRow], Cursor | None]:
        """What has come, and the place up to which that is all. Waits no longer than told for it.

        Raises FellBehind, HubClosed.
        """
        try:
            async with asyncio.timeout(patience_seconds):
                await self._news.wait()
        except TimeoutError:
            pass  # nothing came, which is an answer
        self._news.clear()
        if self._closed:
            raise HubClosed
        if self._fell_behind:
            raise FellBehind
        rows, self._rows = self._rows, []
        return rows, self._cursor


log = structlog.get_logger(__name__)

_SECONDS = 0.06
"""Between two reads of what others commit."""
_SOONEST_SECONDS = 0.02
_SHARE = 5
"""Reads of what is committed here take at most a sixth of the time, but are never rarer than reads
of what others commit."""
_LONGEST_SECONDS = 0.5
_CAPACITY_ROWS = 1000
_PACED = 10  # more waits for who asks but now and then: so many times as much


class FeedPages(Protocol):
    async def page(
        self,
        after: Cursor,
        *,
        jobs: Collection[str] | None,
        readers: Readers,
        with_logs: bool = True,
    ) -> FeedPage:
        """Raises DatabaseUnavailable."""
        ...


class Hub:
    """Asks for all at once, as often as those who listen want it; at once after a full page."""

    def __init__(self, feed: FeedPages, *, capacity_rows: int = _CAPACITY_ROWS) -> None:
        self._feed = feed
        self._capacity_rows = capacity_rows
        self._subscriptions: dict[Subscription, Cursor] = {}
        self._cursor: Cursor | None = None
        self._poller: asyncio.Task[None] | None = None
        self._failures = 0
        self._news = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    async def rest(self, seconds: float) -> None:
        """So long, or until it is closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass  # what was waited for

    def join(self, interest: Interest, cursor: Cursor) -> Subscription:
        """What is wanted will be brought, from a place near `cursor`, which the newcomer is at."""
        capacity = self._capacity_rows * (_PACED if interest.every_seconds else 1)
        subscription = Subscription(interest, capacity)
        if self.is_closed:
            subscription.close()
            return subscription
        self._subscriptions[subscription] = cursor
        if self._poller is None or self._poller.done():
            self._cursor = None
            self._poller = asyncio.create_task(self._poll())
        return subscription

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription, None)

    def look(self) -> None:
        """This process has just committed something: read it soon."""
        self._news.set()

    async def close(self) -> None:
        """Stop reading; all streams end."""
        self._closed.set()
        for subscription in self._subscriptions:
            subscription.close()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    async def _poll(self) -> None:
        is_told = False
        while self._subscriptions:
            began = time.monotonic()
            pause, is_empty = await self._read()
            soonest = _soonest(pause, time.monotonic() - began)
            await asyncio.sleep(soonest)
            # What was told of may be hidden behind an older transaction: it is read once more.
            is_told = not (is_told and is_empty) and await self._is_told(pause - soonest)

    async def _is_told(self, patience_seconds: float) -> bool:
        """Whether something is committed here before the next read is due."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def _read(self) -> "_Round":
        # Who joins while the page is read was not asked for in it, and begins with the next.
        cursor, present = self._begin()
        asked = together(subscription.interest for subscription in present)
        try:
            page = await self._feed.page(
                cursor, jobs=asked.jobs, readers=asked.readers, with_logs=asked.with_logs
            )
        except DatabaseUnavailable as error:  # the streams stay open and go on when it is back
            return self._failed(asked, error)
        except Exception as error:  # a bug; the streams would wait for ever for a hub that ended
            log.exception("feed_read_failed")
            return self._failed(asked, error)
        self._failures = 0
        self._cursor = page.cursor
        _bring(page, present)
        return _Round(_pause(present) if page.is_last else 0.0, not page.rows)

    def _begin(self) -> tuple[Cursor, list[Subscription]]:
        if self._cursor is None:
            self._cursor = min(self._subscriptions.values())
        for subscription in self._subscriptions:
            if subscription.start is None:
                subscription.begin(self._cursor)
        return self._cursor, list(self._subscriptions)

    def _failed(self, asked: Asked, error: Exception) -> "_Round":
        self._failures += 1
        delay = backoff_seconds(self._failures)
        jobs = "all" if asked.jobs is None else len(asked.jobs)
        log.warning("feed_read_failed", error=str(error), jobs=jobs, retry_in_seconds=delay)
        return _Round(delay, is_empty=True)


class _Round(NamedTuple):
    """What a read has brought, and the seconds to the next if nobody tells of news."""

    pause: float
    is_empty: bool


def _soonest(pause: float, read_seconds: float) -> float:
    """Seconds to the next read once this process has committed something. Streams that asked for
    fewer events keep their pause; slow reads are spaced out."""
    if pause > _SECONDS:
        return pause
    return min(pause, max(_SOONEST_SECONDS, read_seconds * _SHARE))


def _pause(present: Sequence[Subscription]) -> float:
    """No oftener than the streams ask."""
    often = min((each.interest.every_seconds for each in present), default=0.0)
    return min(max(_SECONDS, often / 2), _LONGEST_SECONDS)


def _bring(page: FeedPage, present: Iterable[Subscription]) -> None:
    """Each gets its rows, and all the place they are now at."""
    of_job: dict[str, list[FeedRow]] = defaultdict(list)
    for row in page.rows:
        of_job[row.job_id].append(row)
    for subscription in present:
        interest = subscription.interest
        rows: Sequence[FeedRow] = (
            page.rows if interest.job_id is None else of_job.get(interest.job_id, ())
        )
        subscription.bring([row for row in rows if interest.wants(row)], page.cursor)
