"""Of which items a source is made, and how each is fetched."""

from asyncio import to_thread
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from conveyor.extensions.files import ObjectRefused
from services.worker.files import origins, taken
from services.worker.files.child_items import children_items
from services.worker.files.chunk_items import chunk_items
from services.worker.files.fetching import Fetcher, Item, OnDisk, as_file, given, pieces_of
from services.worker.files.origins import Origin
from services.worker.files.partitions import is_own
from services.worker.files.services import FileServices
from services.worker.files.sources import is_listing
from shared.definition import Execution, S3Object, Source
from shared.expressions.errors import ExpressionError
from shared.expressions.patterns import pattern
from shared.expressions.unicode_text import to_bytes
from shared.files.archives import read_tar, rooted, unpacked
from shared.files.archives.members import MOST_MEMBERS, Checked, Members, plain_path
from shared.files.factory import http_access, job_bucket
from shared.files.http import HttpSource
from shared.files.inline import InlineSource
from shared.files.s3.store import S3Store
from shared.files.transfers import whole

_ONLY = "file"
"""The name of a single file on its way: its target has the one it gets."""


@dataclass(frozen=True, slots=True)
class Items:
    """`stack` closes what they are fetched by; they are for `execution`, if the task is one."""

    services: FileServices
    fetcher: Fetcher
    stack: AsyncExitStack
    execution: Execution | None = None

    async def of(self, source: Source) -> list[Item]:
        """Raises FilesError and RuntimeRejected."""
        store = self.services.store
        if source.children is not None:
            flat = source.is_flat
            return await children_items(source.children, store, self.fetcher, is_flat=flat)
        if source.taken is not None and source.chunk is not None:
            indexes = self.services.chunk_indexes
            return await chunk_items(indexes, store, source.taken, source.chunk, self.fetcher)
        if source.local is not None:
            path = Path(self.services.local_paths.readable(source.local))
            return [given(lambda: self._unpacked(_Local(path)))]
        if source.s3 is not None and is_listing(source.s3.key):
            return await self._listed(source.s3)
        if source.extract:
            return [self.fetcher.item(await self._origin(source), self._unpacked)]
        if source.taken is not None and await taken.is_directory(store, source.taken):
            return [await taken.tree_item(store, source.taken, self.fetcher)]
        if source.ipfs is not None:
            return [await self._of_ipfs(source.ipfs, source.sha256)]
        origin = await self._origin(source)
        return [self.fetcher.item(origin, as_file(_ONLY, origin.mode))]

    async def _origin(self, source: Source) -> Origin:
        """Of what is one file."""
        if source.taken is not None:
            return await taken.file_origin(self.services.store, source.taken)
        if source.url is not None:
            http = HttpSource(http_access(self.services.settings, source.headers))
            self.stack.push_async_callback(http.close)
            return await origins.url_origin(http, source.url, source.headers, source.sha256)
        if source.s3 is not None:
            place, s3 = source.s3, self._bucket(source.s3)
            return await origins.s3_origin(s3, place, place.key, source.sha256)
        if source.ipfs is not None:
            ipfs = self.services.ipfs_source()
            self.stack.push_async_callback(ipfs.close)
            return await origins.ipfs_origin(ipfs, source.ipfs, source.sha256)
        return _inline_origin(source.inline or "", source.sha256)

    async def _of_ipfs(self, path: str, sha256: str) -> Item:
        ipfs = self.services.ipfs_source()
        self.stack.push_async_callback(ipfs.close)
        if await ipfs.is_directory(path):
            return self.fetcher.item(await origins.ipfs_tree_origin(ipfs, path), _ipfs_tree)
        origin = await origins.ipfs_origin(ipfs, path, sha256)
        return self.fetcher.item(origin, as_file(_ONLY))

    async def _listed(self, place: S3Object) -> list[Item]:
        prefix = place.key.removesuffix("*")
        folder = prefix[: prefix.rfind("/") + 1]
        wanted, of_execution = _filter(place.filter), _own(place, self.execution)
        s3, items, found = self._bucket(place), list[Item](), 0
        async for info in s3.list_objects(prefix):
            is_folder = info.name.endswith("/")  # as consoles mark them
            if is_folder or not wanted(info.name):
                continue
            found += 1
            if not of_execution(info.name):
                continue
            if len(items) >= MOST_MEMBERS:
                raise ObjectRefused(f"there are more than {MOST_MEMBERS} objects")
            path = plain_path(info.name.removeprefix(folder))
            origin = origins.listed_origin(s3, place, info)
            items.append(self.fetcher.item(origin, as_file(path)))
        if not found:
            which = f" and match {place.filter!r}" if place.filter else ""
            raise ObjectRefused(f"no object has a key that starts with {prefix!r}{which}")
        return items

    def _bucket(self, place: S3Object) -> S3Store:
        s3 = S3Store(job_bucket(self.services.settings, place))
        self.stack.push_async_callback(s3.close)
        return s3

    def _unpacked(self, found: OnDisk) -> Members:
        return _unpacked(found, self.services.settings.extract_bytes)


@dataclass(frozen=True, slots=True)
class _Local:
    """A file that lies on this machine already."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        return self.path.open("rb")


def _inline_origin(text: str, sha256: str) -> Origin:
    """A data URL, or the text itself. It may be secret: it isn't kept in the cache."""
    url = text if text.startswith("data:") else f"data:,{quote(text)}"

    def content() -> AsyncGenerator[bytes, None]:
        return whole(InlineSource(), url, sha256=sha256)

    return Origin(None, None, content)


async def _unpacked(found: OnDisk, most_bytes: int) -> Members:
    with await to_thread(found.open) as file:
        async for member in unpacked(file, most_bytes):
            yield member


async def _ipfs_tree(found: OnDisk) -> Members:
    _, tree = await rooted(read_tar(pieces_of(found)))
    async for member in Checked(tree):
        yield member


def _own(place: S3Object, execution: Execution | None) -> Callable[[str], bool]:
    """Raises ObjectRefused."""
    try:
        return is_own(place, execution)
    except ExpressionError as error:
        raise ObjectRefused(f"partition: {error}") from None


def _filter(text: str) -> Callable[[str], bool]:
    """Raises ObjectRefused."""
    if not text:
        return lambda name: True
    try:
        compiled, _ = pattern(text)
    except ExpressionError as error:
        raise ObjectRefused(f"filter {text!r}: {error}") from None
    return lambda name: compiled.search(to_bytes(name)) is not None
