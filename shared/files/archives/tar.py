"""Tar, read and written as a stream: at no time is more than some chunks in memory.

The standard library reads and writes the headers; its own reader would block, keep all members, and
let a header claim any amount of memory.
"""

import hashlib
import tarfile
from asyncio import sleep
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping

from conveyor.extensions.files import ObjectRefused, StoreUnavailable
from shared.files.archives.members import NOTHING, Kind, Member, Members, shown
from shared.files.streams import digested

BLOCK = 512
MTIME = 315_532_800
"""1980-01-01: what zip can also hold."""
END = bytes(2 * BLOCK)
_MOST_HEADER_BYTES = 1024 * 1024
_MEMBERS_AT_ONCE = 50
_PIECE_BYTES = 256 * 1024
_KINDS: Mapping[bytes, Kind] = {
    **dict.fromkeys((tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE), "file"),
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hard link",
    **dict.fromkeys((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE), "other"),
}
_TYPES: Mapping[Kind, bytes] = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
}
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG: Mapping[bytes, str] = {
    tarfile.GNUTYPE_LONGNAME: "path",
    tarfile.GNUTYPE_LONGLINK: "linkpath",
}

Noted = Callable[[Member, int, str], None]
"""Takes a member that was written, where its content begins, and the SHA-256 of that."""


async def read_tar(chunks: AsyncIterable[bytes]) -> Members:
    """Its members as they are spelled: check them. Raises ObjectRefused for what is no tar."""
    blocks, count = _Blocks(chunks), 0
    while (found := await _next_header(blocks)) is not None:
        member, content = _member(found, blocks)
        yield member
        await content.skip()
        count += 1
        if count % _MEMBERS_AT_ONCE == 0:
            await sleep(0)  # many small members come in one chunk
    await blocks.drain()


async def write_tar(
    members: AsyncIterable[Member], noted: Noted | None = None
) -> AsyncIterator[bytes]:
    """The same bytes for the same tree in the same order: times and owners are left out."""
    async for piece in _gathered(_written(members, noted)):
        yield piece


async def _written(members: AsyncIterable[Member], noted: Noted | None) -> AsyncIterator[bytes]:
    position = 0
    async for member in members:
        if not member.path:  # the root is there already
            continue
        header = _header_of(member)
        yield header
        start = position = position + len(header)
        digest = hashlib.sha256()
        if member.kind == "file":
            async for chunk in member.content:
                if noted is not None:
                    await digested(digest, chunk)
                position += len(chunk)
                yield chunk
            if position - start != member.size:
                raise StoreUnavailable(f"{shown(member.path)} ended after {position - start} bytes")
            yield (padding := bytes(-position % BLOCK))
            position += len(padding)
        if noted is not None:
            noted(member, start, digest.hexdigest())
    yield END


def _header_of(member: Member) -> bytes:
    info = tarfile.TarInfo(member.path)
    info.type, info.mode, info.mtime = _TYPES[member.kind], member.mode & 0o777, MTIME
    info.size = member.size if member.kind == "file" else 0
    info.linkname = member.target
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Headers and small files by the chunk."""
    held, size = list[bytes](), 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            yield held[0] if len(held) == 1 else b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


class _Blocks:
    """Bytes by number from a stream."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(chunks)
        self._held, self._at = b"", 0

    async def piece(self, most: int) -> bytes:
        """At least a byte."""
        if self._at >= len(self._held):
            self._held, self._at = await self._following(), 0
        if self._at == 0 and len(self._held) <= most:
            piece, self._held = self._held, b""
            return piece
        piece = self._held[self._at : self._at + most]
        self._at += len(piece)
        return piece

    async def exactly(self, size: int) -> bytes:
        pieces = list[bytes]()
        while size > 0:
            pieces.append(await self.piece(size))
            size -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def drain(self) -> None:
        async for _ in self._chunks:
            pass

    async def _following(self) -> bytes:
        """The next chunk that is not empty."""
        async for chunk in self._chunks:
            if chunk:
                return chunk
        raise ObjectRefused("the archive ends in the middle")


class _Content:
    def __init__(self, blocks: _Blocks, size: int) -> None:
        self._blocks = blocks
        self._left = size
        self._padding = -size % BLOCK

    def __aiter__(self) -> "_Content":
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        piece = await self._blocks.piece(self._left)
        self._left -= len(piece)
        return piece

    async def skip(self) -> None:
        async for _ in self:
            pass
        await self._blocks.exactly(self._padding)


async def _next_header(blocks: _Blocks) -> tarfile.TarInfo | None:
    """With what extended headers before it say; None at the end."""
    extended: dict[str, str] = {}
    while True:
        block = await blocks.exactly(BLOCK)
        if not block.strip(b"\0"):
            return None
        info = _parsed(block)
        if info.type not in (*_PAX, *_LONG, tarfile.XGLTYPE):
            return _extended(info, extended)
        if info.size > _MOST_HEADER_BYTES:
            raise ObjectRefused(f"a header of the archive has {info.size} bytes")
        data = (await blocks.exactly(info.size + -info.size % BLOCK))[: info.size]
        if info.type in _PAX:
            extended |= _pax_records(data)
        elif info.type in _LONG:
            extended[_LONG[info.type]] = _text(data.partition(b"\0")[0])


def _parsed(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise ObjectRefused(f"it is no tar archive: {error}") from None
    if info.size < 0:
        raise ObjectRefused("a member of the archive has a size below 0")
    return info


def _pax_records(data: bytes) -> dict[str, str]:
    """Each is its length, a space, key=value and a line end."""
    records, at = dict[str, str](), 0
    while at < len(data) and data[at]:
        length, space, _ = data[at : at + 20].partition(b" ")
        if not (space and length.isdigit() and int(length) > len(length) + 1):
            raise ObjectRefused("a header of the archive is not valid")
        key, _, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        records[_text(key)] = _text(value)
        at += int(length)
    return records


def _extended(info: tarfile.TarInfo, extended: Mapping[str, str]) -> tarfile.TarInfo:
    if info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in extended):
        raise ObjectRefused(f"{shown(info.name)} is a sparse file, which no artifact can have")
    info.name = extended.get("path", info.name)
    info.linkname = extended.get("linkpath", info.linkname)
    size = extended.get("size", "0")
    if not (size.isascii() and size.isdigit()) or len(size) > 18:
        raise ObjectRefused(f"{shown(info.name)} has the size {shown(size)}")
    info.size = int(size) or info.size
    return info


def _member(info: tarfile.TarInfo, blocks: _Blocks) -> tuple[Member, _Content]:
    kind = _KINDS.get(info.type, "other")
    has_content = kind == "file" or info.type not in tarfile.SUPPORTED_TYPES
    content = _Content(blocks, info.size if has_content else 0)
    size = info.size if kind == "file" else 0
    target = info.linkname if kind in ("symlink", "hard link") else ""
    given = content if size else NOTHING
    return Member(info.name, kind, info.mode & 0o777, size, target, given), content


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
