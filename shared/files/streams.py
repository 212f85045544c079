"""Streams of bytes: into larger pieces, counted, and checked against what they should be."""

import hashlib
import zlib
from asyncio import to_thread
from collections.abc import AsyncIterable, AsyncIterator, Callable

from conveyor.extensions.files import ObjectMismatch, ObjectRefused, Span, StoreUnavailable

_BIG_BYTES = 256 * 1024
_GZIP = 31
"""To zlib: a window of 32 kB, and the header of gzip."""
EMPTY_SHA256 = hashlib.sha256().hexdigest()


async def in_pieces(
    chunks: AsyncIterable[bytes], size_of: Callable[[int], int]
) -> AsyncIterator[bytes]:
    """The same bytes; the piece `n`, from 0, has `size_of(n)` bytes, and the last one fewer."""
    number, held, held_size = 0, list[bytes](), 0
    async for chunk in chunks:
        rest = memoryview(chunk)
        while held_size + len(rest) >= (size := size_of(number)):
            fitting = size - held_size
            yield b"".join((*held, rest[:fitting]))
            number, held, held_size, rest = number + 1, [], 0, rest[fitting:]
        if rest:
            held.append(bytes(rest))
            held_size += len(rest)
    if held:
        yield b"".join(held)


async def of_bytes(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data


async def gzipped(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Beside the event loop: a megabyte takes tens of milliseconds."""
    compressor = zlib.compressobj(wbits=_GZIP)
    async for chunk in chunks:
        if data := await to_thread(compressor.compress, chunk):
            yield data
    yield compressor.flush()


async def verified(
    chunks: AsyncIterable[bytes], name: str, size: int | None, sha256: str
) -> AsyncIterator[bytes]:
    """The same chunks. Raises at the end StoreUnavailable where `size` bytes were to come and
    fewer did, and ObjectMismatch where their SHA-256 is another; "" fits all."""
    digest, count = hashlib.sha256(), 0
    async for chunk in chunks:
        if sha256:
            await digested(digest, chunk)
        count += len(chunk)
        yield chunk
    if size is not None and count != size:
        raise StoreUnavailable(f"{name!r} ended after {count} of {size} bytes")
    if sha256:
        check_digest(name, digest.hexdigest(), sha256)


async def digested(digest: "hashlib._Hash", chunk: bytes) -> None:
    """Beside the event loop where it takes a while: a megabyte takes milliseconds."""
    if len(chunk) < _BIG_BYTES:
        digest.update(chunk)
    else:
        await to_thread(digest.update, chunk)


def check_digest(name: str, actual: str, expected: str) -> None:
    """Raises ObjectMismatch. An `expected` of "" fits all."""
    if expected and actual != expected.lower():
        raise ObjectMismatch(f"{name!r} has the SHA-256 {actual}, expected {expected}")


def check_version(name: str, actual: str, expected: str) -> None:
    """Raises ObjectMismatch. An `expected` of "" fits all."""
    if expected and actual != expected:
        raise ObjectMismatch(f"{name!r} changed: its version is {actual!r}, expected {expected!r}")


def length_of(span: Span, name: str, size: int) -> int:
    """How many bytes of an object of that size are in the span. Raises ObjectRefused."""
    if span.start > size:
        raise ObjectRefused(f"{name!r} has {size} bytes, so none starts at {span.start}")
    rest = size - span.start
    return rest if span.length is None else min(span.length, rest)


class Counted:
    """The same chunks; what has passed is counted and its digest taken. Iterate over it once.
    `error` is what the chunks ended by: a client that sends them hides it."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self.size = 0
        self.error: Exception | None = None
        self._chunks = chunks
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                self._digest.update(chunk)
                self.size += len(chunk)
                yield chunk
        except Exception as error:
            self.error = error
            raise
