"""`python -m bench.file_transfer KIND ADDRESS MEGABYTES`: a put and a get of one object.

Prints seconds of the put, seconds of the get, and in MB the growth of this process' memory and the
most that it had.
"""

import hashlib
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from pydantic import SecretStr

from conveyor.extensions.files import FileSource, FileStore
from shared.files.directory.store import DirectoryStore
from shared.files.factory import make_store
from shared.files.http import HttpAccess, HttpSource
from shared.files.s3.access import Bucket, Keys
from shared.files.s3.store import S3Store
from shared.files.settings import FilesSettings
from shared.network.guard import Guard, parse_networks

_CHUNK = bytes(64 * 1024)
"""As large as those that come from a socket or a file at most."""
_PER_MEGABYTE = 16
_OBJECT = "job/task/1/object"
LINK_KEY = "of-a-benchmark-of-files-and-links"


async def content(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes * _PER_MEGABYTE):
        yield _CHUNK


async def _put(store: FileStore, megabytes: int) -> tuple[float, str]:
    """And the SHA-256."""
    began = time.perf_counter()
    stored = await store.put(_OBJECT, content(megabytes))
    return time.perf_counter() - began, stored.sha256


async def _get(source: FileSource, name: str, sha256: str) -> float:
    began = time.perf_counter()
    async with source.get(name, sha256=sha256) as content:
        async for _ in content:
            pass
    return time.perf_counter() - began


def _digest(megabytes: int) -> str:
    digest = hashlib.sha256()
    for _ in range(megabytes * _PER_MEGABYTE):
        digest.update(_CHUNK)
    return digest.hexdigest()


async def measure(kind: str, address: str, megabytes: int) -> tuple[float, float]:
    if kind == "http":
        source = HttpSource(HttpAccess(Guard(parse_networks(("127.0.0.0/8",)))))
        get = await _get(source, f"{address}/{_OBJECT}", _digest(megabytes))
        await source.close()
        return 0.0, get
    store: FileStore
    if kind == "directory":
        store = DirectoryStore(Path(address))
    elif kind == "links":
        store = make_store(FilesSettings(store=address, link_key=SecretStr(LINK_KEY)))
    else:
        endpoint, _, bucket = address.rpartition("/")
        store = S3Store(Bucket(bucket, endpoint, credentials=Keys("key", "secret")))
    put, sha256 = await _put(store, megabytes)
    get = await _get(store, _OBJECT, sha256)
    await store.close()
    return put, get


async def main(kind: str, address: str, megabytes: str) -> None:
    before = _peak_kilobytes()
    put, get = await measure(kind, address, int(megabytes))
    peak = _peak_kilobytes()
    print(put, get, (peak - before) / 1000, peak / 1000)


def _peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
