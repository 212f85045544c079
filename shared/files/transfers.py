"""Reading an object to its end, although connections break off on the way."""

import hashlib
from asyncio import sleep
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from conveyor.extensions.files import WHOLE, FileSource, Span, StoreUnavailable
from shared.files.streams import check_digest, digested


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
