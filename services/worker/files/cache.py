"""Files that were fetched, on this machine's disk: what is wanted twice is fetched once.

    files/<key>     what is complete; whoever uses it has a lock on it
    partial/<key>   what is being written

So workers of one machine may share a cache. Only what nobody uses is evicted. A task of the shell
runtime that runs as the worker's own user could change it.
"""

import hashlib
import os
import stat
import time
from asyncio import Semaphore, sleep, to_thread
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from conveyor.extensions.files import StoreUnavailable
from services.worker.files.locked_files import LockedFile, begun, complete, made, remove_unused
from shared.files.streams import in_pieces

_PIECE_BYTES = 1024 * 1024
_LOOK_SECONDS, _LATER_LOOK_SECONDS = 0.05, 0.5
_COUNT_AGAIN_SECONDS = 60.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Content = Callable[[], AsyncGenerator[bytes, None]]
"""Begins to fetch; what it gives is checked by its end."""


def key_of(*parts: str) -> str:
    """Of what tells one content from every other."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class CachedFile:
    """Nobody changes or removes it before its `release`."""

    size: int
    was_there: bool
    _locked: LockedFile
    _cache: "FileCache"

    def open(self) -> BinaryIO:
        return self._locked.path.open("rb")

    async def release(self) -> None:
        await to_thread(self._cache.release, self._locked)


class FileCache:
    """Over `most_bytes` the longest unused go. `open` it."""

    def __init__(self, folder: Path, most_bytes: int, parallel: int = 4) -> None:
        self.folder = folder
        self._files, self._partial = folder / "files", folder / "partial"
        self._most_bytes = most_bytes
        self._fetching = Semaphore(parallel)
        self._size, self._counted_at = 0, 0.0

    def open(self) -> None:
        """Removes what crashes have left. Blocks; raises OSError."""
        for folder in (self.folder, self._files, self._partial):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{self.folder} is not a directory of this worker's user")
        for path in self._partial.iterdir():
            remove_unused(path)
        self._forget_other_boots()
        self._evict()

    async def acquire(self, key: str | None, content: Content) -> CachedFile:
        """The file of that key, fetched unless it is there; `release` it. With None it is nobody
        else's, and gone when it is released. Raises FilesError."""
        path = self._partial / (key or uuid4().hex)
        pause = _LOOK_SECONDS
        with _translated():
            while True:
                if key and (found := await _complete(self._files / key)):
                    return CachedFile(found.size, True, found, self)
                if partial := await _begun(path):
                    break
                await sleep(pause)
                pause = min(pause * 2, _LATER_LOOK_SECONDS)
            return await self._fetched(partial, key, content)

    async def _fetched(self, partial: LockedFile, key: str | None, content: Content) -> CachedFile:
        try:
            # Who wrote it before may have completed it since the look.
            if key and (found := await _complete(self._files / key)):
                await to_thread(partial.discard)
                return CachedFile(found.size, True, found, self)
            async with self._fetching:
                await _write(partial.file, content)
            done = partial
            if key:
                done = await to_thread(partial.publish, self._files / key)
        except BaseException:
            await to_thread(partial.discard)
            raise
        await to_thread(self._evict_soon, done.size)
        return CachedFile(done.size, False, done, self)

    def release(self, locked: LockedFile) -> None:
        if locked.path.parent == self._partial:
            locked.discard()
        locked.close()
        self._evict_soon(0)

    def _evict_soon(self, added: int) -> None:
        """Others may have added as well: the files are counted again now and then."""
        self._size += added
        is_old = time.monotonic() - self._counted_at > _COUNT_AGAIN_SECONDS
        if self._size > self._most_bytes or is_old:
            self._evict()

    def _evict(self) -> None:
        found = sorted(_statuses(self._files), key=lambda each: each[1].st_mtime_ns)
        size = sum(status.st_size for _, status in found)
        for path, status in found:
            if size <= self._most_bytes:
                break
            if remove_unused(path):
                size -= status.st_size
        self._size, self._counted_at = size, time.monotonic()

    def _forget_other_boots(self) -> None:
        """A crash of the machine may have lost content, and left its names."""
        noted, boot = self.folder / "boot", _BOOT_ID.read_bytes() if _BOOT_ID.exists() else b""
        if not noted.exists() or noted.read_bytes() != boot:
            for path in self._files.iterdir():
                remove_unused(path)
            noted.write_bytes(boot)


async def _begun(path: Path) -> LockedFile | None:
    return await made(lambda: begun(path), lambda locked: _undo(locked, LockedFile.discard))


async def _complete(path: Path) -> LockedFile | None:
    return await made(lambda: complete(path), lambda locked: _undo(locked, LockedFile.close))


def _undo(locked: LockedFile | None, how: Callable[[LockedFile], None]) -> None:
    if locked is not None:
        how(locked)


async def _write(file: BinaryIO, content: Content) -> None:
    async with aclosing(content()) as chunks:
        async for piece in in_pieces(chunks, lambda _: _PIECE_BYTES):
            await to_thread(file.write, piece)
    await to_thread(file.flush)


def _statuses(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # evicted by another worker
            yield path, path.stat()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"the worker's cache of files: {error}") from error
