"""What workers share for files, in tests."""

from pathlib import Path

from conveyor.extensions.files import FileStore
from services.worker.files.cache import FileCache
from services.worker.files.metrics import FileMetrics
from services.worker.files.services import FileServices
from shared.files.no_store import NoStore
from shared.files.settings import FilesSettings
from shared.process.metrics import Metrics


def no_files() -> FileServices:
    """For tasks without any."""
    cache = FileCache(Path("/nowhere"), 0)
    return FileServices(FilesSettings(), NoStore(), cache, FileMetrics(Metrics()))


def file_services(root: Path, store: FileStore, **settings: object) -> FileServices:
    """With a cache below `root`."""
    chosen = FilesSettings.model_validate(settings)
    cache = FileCache(root / "cache", chosen.cache_bytes)
    cache.open()
    return FileServices(chosen, store, cache, FileMetrics(Metrics()))
