"""The file store `plain`: objects are files of their own names in a directory, for example on NFS.

Selected by CONVEYOR_FILES_STORE=plain:///mnt/conveyor. Other programs can read the files below
`objects`; `partial` has those that are being written.
"""

import hashlib
import os
import stat
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from conveyor.extensions.files import (
    WHOLE,
    Content,
    LinkMethod,
    ObjectInfo,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
    Stored,
    StoreUnavailable,
    check_name,
    check_prefix,
)

_PIECE_BYTES = 1024 * 1024


def open_store(address: str) -> "PlainFiles":
    """What it raises ends the service: the operator has to put the setting right."""
    root = address.removeprefix("plain://")
    if not root.startswith("/"):
        raise ValueError(f"CONVEYOR_FILES_STORE={address}: must be plain:///DIRECTORY")
    return PlainFiles(Path(root))


class PlainFiles:
    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._partial = root / "partial"

    async def stat(self, name: str) -> ObjectInfo:
        opened, info = await to_thread(self._open, name)
        os.close(opened)
        return info

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        opened, info = await to_thread(self._open, name)  # a put replaces it, and we keep this one
        try:
            if version and version != info.version:
                raise ObjectMismatch(f"{name!r} changed")
            size = info.size or 0
            if span.start > size:
                raise ObjectRefused(f"{name!r} has {size} bytes, so none starts at {span.start}")
            end = size if span.length is None else min(span.start + span.length, size)
            expected = sha256 if span.is_whole else ""
            yield Content(info, _read(name, opened, span.start, end, expected))
        finally:
            os.close(opened)

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        check_name(name)
        partial, digest, size = self._partial / uuid4().hex, hashlib.sha256(), 0
        with _translated(name):
            await to_thread(self._partial.mkdir, parents=True, exist_ok=True)
            file = open(partial, "xb", buffering=0)  # noqa: ASYNC230, SIM115 - closed below
        try:
            async for chunk in content:
                with _translated(name):
                    await to_thread(file.write, chunk)
                digest.update(chunk)
                size += len(chunk)
            _check_digest(name, digest.hexdigest(), sha256)
            with _translated(name):
                await to_thread(self._commit, file.fileno(), partial, name)
        finally:
            file.close()
            partial.unlink(missing_ok=True)
        return Stored(name, size, digest.hexdigest(), (await self.stat(name)).version)

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        for name in await to_thread(self._names, check_prefix(prefix)):
            try:
                yield await self.stat(name)
            except ObjectMissing:  # deleted meanwhile
                continue

    async def delete(self, name: str) -> None:
        with _translated(check_name(name)):
            try:
                await to_thread((self._objects / name).unlink)
            except (FileNotFoundError, NotADirectoryError):
                return

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        raise ObjectRefused(f"{name!r}: there are no links to plain files")

    async def sweep(self, before: datetime) -> int:
        return await to_thread(self._sweep, before.timestamp())

    async def close(self) -> None:
        """Nothing is open."""

    def _open(self, name: str) -> tuple[int, ObjectInfo]:
        with _translated(name):
            try:
                opened = os.open(self._objects / check_name(name), os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError):
                raise ObjectMissing(name) from None
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            os.close(opened)
            raise ObjectMissing(name)
        version = f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
        modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
        return opened, ObjectInfo(name, found.st_size, "", version, modified_at)

    def _commit(self, opened: int, partial: Path, name: str) -> None:
        target = self._objects / name
        os.fsync(opened)  # no half object after a crash of the machine
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(target)

    def _names(self, prefix: str) -> list[str]:
        folder = self._objects / prefix.rpartition("/")[0]
        found = (
            os.path.relpath(os.path.join(path, file), self._objects)
            for path, _, files in os.walk(folder)
            for file in files
        )
        return sorted((name for name in found if name.startswith(prefix)), key=str.encode)

    def _sweep(self, before: float) -> int:
        partial = self._partial.iterdir() if self._partial.exists() else ()
        old = [path for path in partial if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


async def _read(name: str, opened: int, start: int, end: int, sha256: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    while start < end:
        with _translated(name):
            piece = await to_thread(os.pread, opened, min(_PIECE_BYTES, end - start), start)
        if not piece:
            raise StoreUnavailable(f"{name!r} ended after {start} of {end} bytes")
        start += len(piece)
        digest.update(piece)
        yield piece
    _check_digest(name, digest.hexdigest(), sha256)


def _check_digest(name: str, actual: str, expected: str) -> None:
    if expected and actual != expected.lower():
        raise ObjectMismatch(f"{name!r} has the SHA-256 {actual}, expected {expected}")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Errors of the operating system as those of files."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise ObjectRefused(f"{name!r} is in the way of another object: {error.strerror}") from None
    except OSError as error:
        raise StoreUnavailable(f"{name!r}: {error.strerror}") from error
