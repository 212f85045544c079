"""What all tasks of a worker share for their files."""

import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from conveyor.extensions.files import FileStore, ObjectRefused
from services.worker.files.cache import FileCache
from services.worker.files.chunk_items import ChunkIndexes
from services.worker.files.local_paths import LocalPaths
from services.worker.files.metrics import FileMetrics
from services.worker.files.task_caches import TaskCaches
from shared.files.ipfs import IpfsSource
from shared.files.settings import FilesSettings


@dataclass(frozen=True)
class FileServices:
    settings: FilesSettings
    store: FileStore
    cache: FileCache
    metrics: FileMetrics
    chunk_indexes: ChunkIndexes = field(default_factory=ChunkIndexes)
    task_caches: TaskCaches = field(default_factory=TaskCaches)

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
    """Raises OSError, which names the setting, where the directory of a cache can't be used."""
    folder = settings.cache_dir or Path(tempfile.gettempdir()) / "conveyor-files"
    cache = FileCache(Path(folder), settings.cache_bytes)
    own = settings.task_cache_dir
    task_caches = TaskCaches(Path(own) if own else None, settings.task_cache_bytes)
    with _naming("CONVEYOR_FILES_CACHE_DIR", folder):
        await to_thread(cache.open)
    with _naming("CONVEYOR_FILES_TASK_CACHE_DIR", own):
        await to_thread(task_caches.open)
    yield FileServices(settings, store, cache, metrics, task_caches=task_caches)


@contextmanager
def _naming(setting: str, folder: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{setting}: {folder} can't be used: {error.strerror or error}"
        raise OSError(text) from error
