"""Sources on their way to this machine's disk, several at once."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from services.worker.files.cache import FileCache
from services.worker.files.metrics import FileMetrics
from services.worker.files.origins import Origin
from services.worker.files.progress import Progress
from shared.files.archives import Member, file_member
from shared.files.archives.members import FILE_MODE, Members

_PIECE_BYTES = 1024 * 1024


class OnDisk(Protocol):
    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    members: Callable[[], Members]
    release: Callable[[], Awaitable[None]]


Item = Callable[[], Awaitable[Fetched]]
"""Fetches a part of a source. Raises FilesError."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """For one source."""

    cache: FileCache
    metrics: FileMetrics
    progress: Progress

    def item(self, origin: Origin, members: Callable[[OnDisk], Members]) -> Item:
        async def fetch() -> Fetched:
            found = await self.cache.acquire(origin.key, lambda: self._counted(origin))
            (self.metrics.hits if found.was_there else self.metrics.misses).inc()
            return Fetched(lambda: members(found), found.release)

        return fetch

    async def _counted(self, origin: Origin) -> AsyncGenerator[bytes, None]:
        async with aclosing(origin.content()) as chunks:
            async for chunk in chunks:
                self.metrics.fetched.inc(len(chunk))
                await self.progress.add(len(chunk))
                yield chunk


def given(members: Callable[[], Members]) -> Item:
    """What needs not be fetched."""

    async def fetch() -> Fetched:
        return Fetched(members, _nothing)

    return fetch


def as_file(path: str, mode: int = FILE_MODE) -> Callable[[OnDisk], Members]:
    return lambda found: _one(file_member(path, found.size, pieces_of(found), mode))


async def pieces_of(found: OnDisk) -> AsyncIterator[bytes]:
    """A small file is opened and read at once: of a directory of many it is most of the work."""
    file, piece = await asyncio.to_thread(_opened, found)
    with file:
        while piece:
            yield piece
            is_last = len(piece) < _PIECE_BYTES
            piece = b"" if is_last else await asyncio.to_thread(file.read, _PIECE_BYTES)


def _opened(found: OnDisk) -> tuple[BinaryIO, bytes]:
    """And its first piece."""
    file = found.open()
    try:
        return file, file.read(_PIECE_BYTES)
    except BaseException:
        file.close()
        raise


class Series:
    """The items of a source in order, some of them fetched ahead. `close` it."""

    def __init__(self, items: Sequence[Item], ahead: int) -> None:
        self._waiting = deque(items)
        self._ahead = ahead
        self._fetching: deque[asyncio.Task[Fetched]] = deque()

    def begin(self) -> None:
        while self._waiting and len(self._fetching) < self._ahead:
            self._fetching.append(asyncio.ensure_future(self._waiting.popleft()()))

    async def members(self) -> Members:
        while self._fetching or self._waiting:
            self.begin()
            fetched = await self._fetching[0]
            async for member in fetched.members():
                yield member
            self._fetching.popleft()
            await fetched.release()

    async def close(self) -> None:
        """Ends what is fetched and releases what was."""
        for fetching in self._fetching:
            fetching.cancel()
        await asyncio.gather(*self._fetching, return_exceptions=True)
        for fetching in self._fetching:
            if not fetching.cancelled() and fetching.exception() is None:
                await fetching.result().release()
        self._fetching.clear()


async def _one(member: Member) -> Members:
    yield member


async def _nothing() -> None:
    pass
