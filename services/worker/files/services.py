"""What all tasks of a worker share for their files."""

import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from conveyor.extensions.files import FileStore, ObjectRefused
from services.worker.files.cache import FileCache
from services.worker.files.chunk_items import ChunkIndexes
from services.worker.files.local_paths import LocalPaths
from services.worker.files.metrics import FileMetrics
from shared.files.ipfs import IpfsSource
from shared.files.settings import FilesSettings


@dataclass(frozen=True)
class FileServices:
    settings: FilesSettings
    store: FileStore
    cache: FileCache
    metrics: FileMetrics
    chunk_indexes: ChunkIndexes = field(default_factory=ChunkIndexes)

    def ipfs_source(self) -> IpfsSource:
        """`close` it. Raises ObjectRefused."""
        if not self.settings.ipfs_url:
            raise ObjectRefused("this worker has no IPFS (its setting CONVEYOR_FILES_IPFS_URL)")
        return IpfsSource(self.settings.ipfs_url)

    @cached_property
    def local_paths(self) -> LocalPaths:
        return LocalPaths(self.settings.allowed_local_paths)


@asynccontextmanager
async def opened_files(
    settings: FilesSettings, store: FileStore, metrics: FileMetrics
) -> AsyncIterator[FileServices]:
    """Raises OSError, which names the setting, where the directory of the cache can't be used."""
    folder = settings.cache_dir or Path(tempfile.gettempdir()) / "conveyor-files"
    cache = FileCache(Path(folder), settings.cache_bytes)
    try:
        await to_thread(cache.open)
    except OSError as error:
        text = f"CONVEYOR_FILES_CACHE_DIR: {folder} can't be used: {error.strerror or error}"
        raise OSError(text) from error
    yield FileServices(settings, store, cache, metrics)
