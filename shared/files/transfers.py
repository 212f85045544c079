"""Reading an object to its end, although connections break off on the way."""

import hashlib
from asyncio import sleep, to_thread
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from conveyor.extensions.files import WHOLE, FileSource, FileStore, Span, Stored, StoreUnavailable
from shared.files.streams import check_digest, digested, in_pieces

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How often in a row nothing may come before it is given up, and the pause after each, which
    doubles up to 16 times the first."""

    tries: int = 6
    pause_seconds: float = 0.5

    async def pause(self, failures: int) -> None:
        await sleep(self.pause_seconds * 2 ** min(failures - 1, 4))


PATIENT = Patience()
T = TypeVar("T")


async def patiently(do: Callable[[], Awaitable[T]], patience: Patience = PATIENT) -> T:
    """Again while StoreUnavailable is raised."""
    failures = 0
    while True:
        try:
            return await do()
        except StoreUnavailable:
            failures += 1
            if failures >= patience.tries:
                raise
            await patience.pause(failures)


async def whole(
    source: FileSource,
    name: str,
    span: Span = WHOLE,
    *,
    sha256: str = "",
    version: str = "",
    patience: Patience = PATIENT,
) -> AsyncGenerator[bytes, None]:
    """All chunks of the span of one version of the object. It goes on where a connection broke off,
    and checks the SHA-256: `sha256`, or of the whole the one that the source knows. Raises
    FilesError."""
    digest, start, failures, is_complete = hashlib.sha256(), 0, 0, False
    while not is_complete:
        try:
            async with source.get(name, _after(span, start), version=version) as content:
                version = version or content.info.version
                sha256 = sha256 or (content.info.sha256 if span.is_whole else "")
                async for chunk in content:
                    failures = 0
                    start += len(chunk)
                    await digested(digest, chunk)
                    yield chunk
            is_complete = True
        except StoreUnavailable:
            failures += 1
            cannot_go_on = start > 0 and not (version or sha256)  # it might be other content
            if failures >= patience.tries or cannot_go_on:
                raise
            await patience.pause(failures)
    check_digest(name, digest.hexdigest(), sha256)


def _after(span: Span, count: int) -> Span:
    """Without its first bytes."""
    length = None if span.length is None else span.length - count
    return Span(span.start + count, length)


async def fetch(
    source: FileSource, name: str, target: Path, *, sha256: str = "", patience: Patience = PATIENT
) -> Stored:
    """Write the object to that file, which must not exist; nothing is left there if it fails."""
    file = await to_thread(target.open, "xb")
    digest, size = hashlib.sha256(), 0
    try:
        async with aclosing(whole(source, name, sha256=sha256, patience=patience)) as chunks:
            async for piece in in_pieces(chunks, lambda _: _PIECE_BYTES):
                await to_thread(file.write, piece)
                digest.update(piece)
                size += len(piece)
        await to_thread(file.close)
    except BaseException:
        await to_thread(_remove, file, target)
        raise
    return Stored(name, size, digest.hexdigest())


async def copy(
    source: FileSource,
    name: str,
    store: FileStore,
    new_name: str,
    *,
    sha256: str = "",
    patience: Patience = PATIENT,
) -> Stored:
    """Put an object of a source in a store, without a copy on this machine."""
    async with aclosing(whole(source, name, sha256=sha256, patience=patience)) as chunks:
        return await store.put(new_name, chunks, sha256=sha256)


def _remove(file: BinaryIO, target: Path) -> None:
    file.close()
    target.unlink()
