"""What is in an archive that lies on the disk: tar, tar.gz or zip."""

import asyncio
import gzip
import io
import stat
import zipfile
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from conveyor.extensions.files import FilesError, ObjectRefused
from shared.files.archives.members import (
    DIRECTORY_MODE,
    FILE_MODE,
    NOTHING,
    Checked,
    Member,
    Members,
)
from shared.files.archives.tar import BLOCK, read_tar

_PIECE_BYTES = 1024 * 1024
_MOST_DIRECTORY_BYTES = 32 * 1024 * 1024
"""Of a zip, which is read at once: some 300,000 files."""
_MOST_TARGET_BYTES = 4096
_MAGIC_AT, _MAGIC = 257, b"ustar"


async def unpacked(file: BinaryIO, most_bytes: int) -> Members:
    """The members of the archive, checked. Raises ObjectRefused for what is no archive, leads out
    of its directory, or is more than `most_bytes` when unpacked."""
    members = _zip_members(file) if (kind := await to_thread(_kind, file)) == "zip" else None
    if members is None:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if kind == "gzip" else file
        members = read_tar(_bounded(_pieces(stream), most_bytes))
    size = 0
    async for member in Checked(members):
        size += member.size
        _check(size, most_bytes)
        yield member


@contextmanager
def _translated() -> Iterator[None]:
    """The library for zips raises nearly anything where one is broken or forged."""
    try:
        yield
    except FilesError:
        raise
    except Exception as error:
        raise ObjectRefused(f"the archive can't be unpacked: {error}") from error


def _kind(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(BLOCK)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    # The oldest tars have no magic; an empty one is all zeros.
    if start[_MAGIC_AT:].startswith(_MAGIC) or (len(start) == BLOCK and not start.strip(b"\0")):
        return "tar"
    raise ObjectRefused("it is no archive: extract takes .tar, .tar.gz and .zip")


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with _translated():
        while piece := await to_thread(file.read, _PIECE_BYTES):
            yield piece


async def _bounded(pieces: AsyncIterator[bytes], most_bytes: int) -> AsyncIterator[bytes]:
    """Headers count as well: a small file may be unpacked to any number of empty members."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        _check(size, most_bytes)
        yield piece


def _check(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise ObjectRefused(f"unpacked it is more than {most_bytes} bytes")


class _Bounded(io.BufferedIOBase):
    """A file of which no large part is read at once, as the directory of a hostile zip would be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell  # type: ignore[method-assign]  # as they are

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size > _MOST_DIRECTORY_BYTES:
            raise ObjectRefused("the directory of the zip is too large")
        return self._file.read(size)


async def _zip_members(file: BinaryIO) -> Members:
    with _translated(), await to_thread(zipfile.ZipFile, cast(BinaryIO, _Bounded(file))) as archive:
        for info in archive.infolist():
            yield await _zip_member(archive, info)
            await asyncio.sleep(0)


async def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    if info.filename.endswith("/"):
        return Member(info.filename, "directory", mode & 0o777 or DIRECTORY_MODE)
    if stat.S_ISLNK(mode):
        if info.file_size > _MOST_TARGET_BYTES:
            raise ObjectRefused(f"the link {info.filename!r} is too long")
        target = (await to_thread(archive.read, info)).decode("utf-8", "surrogateescape")
        return Member(info.filename, "symlink", 0o777, target=target)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Member(info.filename, "other")
    content = _zip_content(archive, info) if info.file_size else NOTHING
    return Member(info.filename, "file", mode & 0o777 or FILE_MODE, info.file_size, "", content)


async def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> AsyncIterator[bytes]:
    with _translated():
        if info.file_size <= _PIECE_BYTES:
            yield await to_thread(archive.read, info)
            return
        with await to_thread(archive.open, info) as opened:
            while piece := await to_thread(opened.read, _PIECE_BYTES):
                yield piece
