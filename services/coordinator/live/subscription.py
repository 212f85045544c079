"""One subscriber's share of what the hub reads."""

import asyncio
from collections.abc import Sequence

from services.coordinator.live.interest import Interest
from services.coordinator.store.feed import Cursor, FeedRow


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
