"""The stores that one suite runs against."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conveyor_example.plain_files import PlainFiles

from conveyor.extensions.files import WHOLE, FileSource, FileStore, Span
from shared.files.directory.store import DirectoryStore
from shared.files.ipfs import IpfsStore
from shared.files.link_store import LinkStore
from shared.files.links import Links
from shared.files.s3.access import Bucket, Keys
from shared.files.s3.store import S3Store
from tests.support.eventually import eventually
from tests.support.files.kubo import FakeKubo
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, S3Server

STORES = ["directory", "links", "plain", "s3", "ipfs"]
WITH_CONNECTION = ["links", "s3", "ipfs"]
MEGABYTE = 1024 * 1024
LINKS = Links("http://127.0.0.1:8000/files", (b"new key", b"old key"))


@dataclass(frozen=True)
class Place:
    """Where a store keeps its objects. `address` is all that another process needs to open it;
    `leftovers` counts what puts have under way or left."""

    kind: str
    address: str
    leftovers: Callable[[], Awaitable[int]]
    port: int = 0

    async def until_clean(self) -> None:
        async def is_clean() -> bool:
            return await self.leftovers() == 0

        await eventually(is_clean)

    def open(self, port: int = 0) -> FileStore:
        """Over another port, if there is one."""
        address = self.address.replace(f":{self.port}", f":{port}") if port else self.address
        return open_store(self.kind, address)


def open_store(kind: str, address: str) -> FileStore:
    if kind == "directory":
        return DirectoryStore(Path(address), LINKS)
    if kind == "links":
        return LinkStore(Links(f"{address}/objects", LINKS.keys))
    if kind == "plain":
        return PlainFiles(Path(address))
    if kind == "ipfs":
        return IpfsStore(address)
    endpoint, _, bucket = address.rpartition("/")
    keys = Keys(ACCESS_KEY, SECRET_KEY)
    return S3Store(Bucket(bucket, endpoint, credentials=keys, prefix="conveyor/"))


def directory_place(folder: Path, port: int = 0) -> Place:
    """With a port, by links to what is served there."""

    async def leftovers() -> int:
        partial, contents = folder / "partial", folder / "contents"
        kept = {path.readlink().name for path in folder.glob("objects/**/*") if path.is_symlink()}
        return len(list(partial.glob("*"))) + len(
            [path for path in contents.glob("*") if path.name not in kept]
        )

    if port:
        return Place("links", f"http://127.0.0.1:{port}", leftovers, port)
    return Place("directory", str(folder), leftovers)


def plain_place(folder: Path) -> Place:
    async def leftovers() -> int:
        return len(list((folder / "partial").glob("*")))

    return Place("plain", str(folder), leftovers)


def s3_place(server: S3Server) -> Place:
    bucket = server.new_bucket()

    async def leftovers() -> int:
        return await asyncio.to_thread(server.unfinished, bucket)

    return Place("s3", f"{server.url}/{bucket}", leftovers, server.port)


def ipfs_place(kubo: FakeKubo, port: int) -> Place:
    async def leftovers() -> int:
        return kubo.adding + kubo.partial_files

    return Place("ipfs", f"http://127.0.0.1:{port}", leftovers, port)


async def chunks_of(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def put(store: FileStore, name: str, data: bytes) -> str:
    """The version of what is stored."""
    stored = await store.put(name, chunks_of(data))
    assert (stored.name, stored.size, stored.sha256) == (name, len(data), sha256_of(data))
    return stored.version


async def read(source: FileSource, name: str, span: Span = WHOLE, **expected: str) -> bytes:
    async with source.get(name, span, **expected) as content:
        return b"".join([chunk async for chunk in content])


async def names_in(store: FileStore, prefix: str = "") -> list[str]:
    return [found.name async for found in store.list_objects(prefix)]


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def noise(size: int, seed: int = 0) -> bytes:
    """The same bytes for the same seed; no part of it is like another."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
