"""The index beside an archive: where each file lies in it, so that a file is a span of it.

Lines of JSON. The first is about the whole, the others are about a member each, as in the archive.
"""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson

from conveyor.extensions.files import FileSource, ObjectMismatch, Span
from shared.files.archives.members import Kind, Member
from shared.files.transfers import whole

_IN_MEMORY_BYTES = 1024 * 1024
_LINES_AT_ONCE = 200
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """`size` is that of all files; the archive itself has `archive_size` bytes."""

    files: int
    size: int
    archive_size: int
    archive_sha256: str


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """The content of a file, a hard link included, is the `span` of the archive. `target` is what a
    symbolic link leads to."""

    path: str
    kind: Kind
    mode: int
    size: int = 0
    sha256: str = ""
    offset: int = 0
    target: str = ""

    @property
    def has_content(self) -> bool:
        return self.kind in ("file", "hard link")

    @property
    def span(self) -> Span:
        return Span(self.offset, self.size)


def index_name(object_name: str) -> str:
    return f"{object_name}.index"


class ArchiveIndex:
    """Written along with its archive. Use as a context manager: a large one has a file in `folder`,
    without a name."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lines = SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder) if folder else None)  # noqa: SIM115 - closed by __exit__
        self._contents: dict[str, tuple[int, str, int]] = {}
        self.files = 0
        self.size = 0

    def __enter__(self) -> "ArchiveIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def add(self, member: Member, offset: int, sha256: str) -> None:
        """See `write_tar`."""
        content = (member.size, sha256, offset)
        if member.kind == "hard link":
            content = self._contents[member.target]
        elif member.kind != "file":
            content = (0, "", 0)
        else:
            self.size += member.size
        line: dict[str, Any] = {"path": member.path, "kind": member.kind, "mode": member.mode}
        if member.kind in ("file", "hard link"):
            self._contents[member.path] = content
            self.files += 1
            line |= dict(zip(("size", "sha256", "offset"), content, strict=True))
        elif member.target:
            line["target"] = member.target
        self._lines.write(orjson.dumps(line) + b"\n")

    async def chunks(self, archive_size: int, archive_sha256: str) -> AsyncIterator[bytes]:
        """The index, once its archive is complete."""
        head = {"files": self.files, "size": self.size}
        head |= {"archive_size": archive_size}
        yield orjson.dumps({**head, "archive_sha256": archive_sha256}) + b"\n"
        self._lines.seek(0)
        while chunk := self._lines.read(_CHUNK_BYTES):
            yield chunk


@asynccontextmanager
async def opened_index(
    store: FileSource, object_name: str, sha256: str = ""
) -> AsyncIterator[tuple[ArchiveHead, AsyncIterator[IndexEntry]]]:
    """Of the archive of that name. Raises ObjectMismatch at its end if it has another SHA-256."""
    lines = _lines(whole(store, index_name(object_name), sha256=sha256))
    try:
        first = await anext(lines, b"{}")
        try:
            head = ArchiveHead(**orjson.loads(first))
        except (ValueError, TypeError):
            raise ObjectMismatch(f"{index_name(object_name)!r} is not an index") from None
        yield head, _entries(lines)
    finally:
        await lines.aclose()


async def find_entry(
    store: FileSource, object_name: str, path: str, sha256: str = ""
) -> IndexEntry | None:
    """The member at `path`, which may be a directory that is in no line but has members."""
    async with opened_index(store, object_name, sha256) as (_, entries):
        async for entry in entries:
            if entry.path == path:
                return entry
            if entry.path.startswith(f"{path}/") or not path:
                return IndexEntry(path, "directory", 0o755)
    return None


async def _entries(lines: AsyncIterator[bytes]) -> AsyncIterator[IndexEntry]:
    async for line in lines:
        yield IndexEntry(**orjson.loads(line))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for number, line in enumerate(lines):
            if number % _LINES_AT_ONCE == 0:  # thousands come in one chunk
                await sleep(0)
            yield line
