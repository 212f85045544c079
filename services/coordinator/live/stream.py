"""One client's open answer: rows are written as they come, until it has gone or all is told."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from aiohttp import web

from services.coordinator.live.follower import OrderedFeed, Ready
from services.coordinator.store.connected import connected
from services.coordinator.store.feed import FeedRow
from services.coordinator.store.logs import Subject, end_of
from shared.lifecycle import JobState, TaskState
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool

HEARTBEAT_SECONDS = 15.0
_AGAIN_SECONDS = 0.2
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def stream_of(content_type: str) -> web.StreamResponse:
    """An answer that nothing on its way holds back or keeps."""
    return web.StreamResponse(headers={"Content-Type": content_type, **_HEADERS})


class ClientGone(Exception):
    """The client has closed the connection, or has stopped reading."""


class Connection:
    """`stalled_seconds`: a client that takes nothing for so long is disconnected; None: never."""

    def __init__(
        self,
        request: web.Request,
        response: web.StreamResponse,
        *,
        stalled_seconds: float | None,
    ) -> None:
        self._request = request
        self._stalled_seconds = stalled_seconds
        self._written_at = time.monotonic()
        self.response = response

    @property
    def quiet_seconds(self) -> float:
        """Since the last write."""
        return time.monotonic() - self._written_at

    async def write(self, data: bytes) -> None:
        """The headers go with the first. Without `data` it only looks whether the client is there.

        Raises ClientGone.
        """
        if self._request.transport is None:
            raise ClientGone
        try:
            async with asyncio.timeout(self._stalled_seconds):
                if not self.response.prepared:
                    await self.response.prepare(self._request)
                if data:
                    await self.response.write(data)
        except ConnectionError as error:  # it left
            raise ClientGone from error
        except TimeoutError as error:
            self.abort()
            raise ClientGone from error
        self._written_at = time.monotonic()

    def abort(self) -> None:
        """Cut it: a client must not take what it has for the whole."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Ending:
    """Asks the database at first, and when a change says that it may be over."""

    def __init__(self, pool: Pool, subject: Subject) -> None:
        self._pool = pool
        self._subject = subject
        self._may_be_over = True

    def note(self, row: FeedRow) -> None:
        for change in row.changes:
            if change.get("task_id") == self._subject.task_id and not change.get("is_progress"):
                state = str(change["state"])
                final = JobState(state) if self._subject.task_id is None else TaskState(state)
                self._may_be_over = final.is_final

    def patience_seconds(self, longest: float) -> float:
        """How long to wait for rows before asking again whether it is over."""
        return min(longest, _AGAIN_SECONDS) if self._may_be_over else longest

    async def is_reached(self, feed: OrderedFeed) -> bool:
        if not self._may_be_over or not feed.is_caught_up:
            return False
        try:
            end = await connected(self._pool, end_of, self._subject, feed.cursor)
        except DatabaseUnavailable:  # asked again, until it is back
            return False
        self._may_be_over = end.is_final
        return end.is_final and end.is_complete


class Rendering(Protocol):
    """What rows look like on the wire. `heartbeat` is said when there is nothing else to say.

    `tells_end`: a client knows an end from an interruption without its connection being cut.
    """

    content_type: str
    greeting: bytes
    heartbeat: bytes
    tells_end: bool
    stalled_seconds: float | None

    def of(self, ready: Sequence[Ready]) -> Iterator[bytes]:
        """What is written one after the other."""
        ...

    def end(self) -> bytes:
        """What is left to say when all has been told."""
        ...


async def send(
    connection: Connection, feed: OrderedFeed, rendering: Rendering, ending: Ending | None
) -> None:
    """Raises ClientGone, HubClosed."""
    await connection.write(rendering.greeting)
    while True:
        news = await feed.ready(_patience_seconds(connection, ending))
        for data in rendering.of(news):
            await connection.write(data)
        if ending is not None:
            for ready in news:
                ending.note(ready.row)
        if connection.quiet_seconds >= HEARTBEAT_SECONDS:
            await connection.write(rendering.heartbeat)
        if ending is not None and await ending.is_reached(feed):
            await connection.write(rendering.end())
            return
        if news:
            await feed.rest()


def _patience_seconds(connection: Connection, ending: Ending | None) -> float:
    patience = max(HEARTBEAT_SECONDS - connection.quiet_seconds, 0.0)
    return patience if ending is None else ending.patience_seconds(patience)
