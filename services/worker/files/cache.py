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
from shared.files.cleanup import cleaned_up
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
        await cleaned_up(self._cache.release, self._locked)


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
        name, pause = key or uuid4().hex, _LOOK_SECONDS
        with _translated():
            while (found := await self._found(name)) is None:
                await sleep(pause)
                pause = min(pause * 2, _LATER_LOOK_SECONDS)
            if found.path.parent == self._files:
                return CachedFile(found.size, True, found, self)
            return await self._fetched(found, key, content)

    async def _found(self, name: str) -> LockedFile | None:
        return await made(lambda: self._look(name), self._let_go)

    def _look(self, name: str) -> LockedFile | None:
        """What is complete, else what this may write now; None while somebody else writes it."""
        if found := complete(self._files / name):
            return found
        partial = begun(self._partial / name)
        # Who wrote it before may have completed it since the look.
        if partial and (found := complete(self._files / name)):
            partial.discard()
            return found
        return partial

    async def _fetched(self, partial: LockedFile, key: str | None, content: Content) -> CachedFile:
        try:
            async with self._fetching:
                await _write(partial.file, content)
            done = await to_thread(self._complete, partial, key)
        except BaseException:
            await cleaned_up(partial.discard)
            raise
        return CachedFile(done.size, False, done, self)

    def _complete(self, partial: LockedFile, key: str | None) -> LockedFile:
        partial.file.flush()
        done = partial.publish(self._files / key) if key else partial
        self._evict_soon(done.size)
        return done

    def release(self, locked: LockedFile) -> None:
        self._let_go(locked)
        self._evict_soon(0)

    def _let_go(self, locked: LockedFile | None) -> None:
        if locked is None:
            return
        if locked.path.parent == self._partial:
            locked.discard()
        locked.close()

    def _evict_soon(self, added: int) -> None:
        """Others may have added as well: the files are counted again now and then."""
        self._size += added
        is_old = time.monotonic() - self._counted_at > _COUNT_AGAIN_SECONDS
        if self._size > self._most_bytes or is_old:
            self._evict()

    def _evict(self) -> None:
        found = sorted(_statuses(self._files), key=lambda each: each[1].st_mtime_ns)
        size = sum(status.st_size for _, status in found)
        # With some room to spare, lest a full cache is counted again for each small file.
        most = self._most_bytes if size <= self._most_bytes else self._most_bytes * 9 // 10
        for path, status in found:
            if size <= most:
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


async def _write(file: BinaryIO, content: Content) -> None:
    async with aclosing(content()) as chunks:
        async for piece in in_pieces(chunks, lambda _: _PIECE_BYTES):
            await to_thread(file.write, piece)


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
