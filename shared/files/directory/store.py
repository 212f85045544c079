"""Objects in a directory of this machine: nothing to install."""

import os
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from conveyor.extensions.files import (
    WHOLE,
    Content,
    LinkMethod,
    ObjectInfo,
    ObjectRefused,
    Span,
    Stored,
    check_name,
    check_prefix,
)
from shared.files.cleanup import cleaned_up
from shared.files.directory.layout import Layout
from shared.files.directory.partial import Partial
from shared.files.links import Links
from shared.files.streams import check_digest, check_version, in_pieces, length_of, verified

_PIECE_BYTES = 1024 * 1024
_PAGE_SIZE = 500


class DirectoryStore:
    """Without `links` it makes none; the coordinator serves them."""

    def __init__(self, root: Path, links: Links | None = None) -> None:
        self._layout = Layout(root)
        self._links = links

    async def stat(self, name: str) -> ObjectInfo:
        return await to_thread(self._layout.info, check_name(name))

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        opened, info = await to_thread(self._layout.open, check_name(name))
        try:
            check_version(name, info.version, version)
            length = length_of(span, name, info.size or 0)
            expected = (sha256 or info.sha256) if span.is_whole else ""
            pieces = _read(opened, span.start, length)
            yield Content(info, verified(pieces, name, length, expected))
        finally:
            os.close(opened)

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        check_name(name)
        partial = self._layout.new_partial(name)
        try:
            await to_thread(self._layout.open_partial, partial)
            async for piece in in_pieces(content, lambda _: _PIECE_BYTES):
                await to_thread(partial.write, piece)
            check_digest(name, partial.sha256, sha256)
            return await to_thread(self._keep, partial)
        except BaseException:
            await cleaned_up(partial.discard)
            raise

    def _keep(self, partial: Partial) -> Stored:
        partial.finish()
        self._layout.commit(partial)
        return Stored(partial.name, partial.size, partial.sha256, version=partial.sha256)

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        walk = self._layout.walk(check_prefix(prefix))
        while page := await to_thread(lambda: list(islice(walk, _PAGE_SIZE))):
            for info in page:
                yield info

    async def delete(self, name: str) -> None:
        await to_thread(self._layout.delete, check_name(name))

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        if self._links is None:
            raise ObjectRefused("this directory of files has no links")
        return self._links.make(
            check_name(name), method, datetime.now(UTC) + timedelta(seconds=seconds)
        )

    async def sweep(self, before: datetime) -> int:
        return await to_thread(self._layout.sweep, before)

    async def close(self) -> None:
        pass


async def _read(opened: int, start: int, length: int) -> AsyncIterator[bytes]:
    end = start + length
    while start < end:
        piece = await to_thread(os.pread, opened, min(_PIECE_BYTES, end - start), start)
        if not piece:  # what is missing is found by who counts
            return
        start += len(piece)
        yield piece
