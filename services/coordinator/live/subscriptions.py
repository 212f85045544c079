"""Who follows which rows of the feed, and what the hub has brought them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.coordinator.store.feed import Cursor, FeedRow


@dataclass(frozen=True, slots=True)
class Interest:
    """One job (whoever asks was found to be allowed), or all that one of `readers` may see.

    With `task_id` of the job's log parts only that task's. `readers` None: all jobs.
    """

    job_id: str | None = None
    task_id: str | None = None
    readers: frozenset[str] | None = None

    def wants(self, row: FeedRow) -> bool:
        if self.job_id is not None:
            return row.job_id == self.job_id and self._is_of_task(row)
        return self.readers is None or not row.readers or not self.readers.isdisjoint(row.readers)

    def _is_of_task(self, row: FeedRow) -> bool:
        return self.task_id is None or row.part is None or row.part.row.task_id == self.task_id


@dataclass(frozen=True, slots=True)
class Asked:
    """What the feed is asked for on behalf of many. None stands for all."""

    jobs: Sequence[str] | None
    readers: Sequence[str] | None


def together(interests: Iterable[Interest]) -> Asked:
    """The least that holds what each of `interests` wants."""
    jobs: set[str] = set()
    everywhere: list[Interest] = []
    for interest in interests:
        if interest.job_id is not None:
            jobs.add(interest.job_id)
        else:
            everywhere.append(interest)
    if not everywhere:
        return Asked(sorted(jobs), None)
    if jobs or any(interest.readers is None for interest in everywhere):
        # Who follows one job may see more than those who follow all of theirs.
        return Asked(None, None)
    return Asked(None, sorted({reader for i in everywhere for reader in i.readers or ()}))


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
