"""Artifacts of other tasks, and uploads: what is in the store of files."""

from conveyor.extensions.files import FileStore, ObjectMissing
from services.worker.files.fetching import Fetcher, Item, pieces_of
from services.worker.files.origins import Origin, stored_origin
from shared.definition import TakenArtifact
from shared.files.archives import IndexEntry, below, find_entry, opened_index, read_tar


async def is_directory(store: FileStore, taken: TakenArtifact) -> bool:
    """Raises FilesError."""
    if taken.files is None:
        return False
    return not taken.path or not (await _entry(store, taken)).has_content


async def file_origin(store: FileStore, taken: TakenArtifact) -> Origin:
    """Of a file, or one in a directory. Raises FilesError."""
    if taken.files is None:
        return stored_origin(store, taken.object, taken.size, taken.sha256, mode=taken.mode)
    entry = await _entry(store, taken)
    return stored_origin(store, taken.object, entry.size, entry.sha256, entry.span, entry.mode)


async def tree_item(
    store: FileStore,
    taken: TakenArtifact,
    fetcher: Fetcher,
) -> Item:
    """A directory, or one in it."""
    async with opened_index(store, taken.object, taken.sha256) as (head, _):
        origin = stored_origin(store, taken.object, head.archive_size, head.archive_sha256)
    return fetcher.item(origin, lambda found: below(taken.path, read_tar(pieces_of(found))))


async def _entry(store: FileStore, taken: TakenArtifact) -> IndexEntry:
    found = await find_entry(store, taken.object, taken.path)
    if found is None:
        raise ObjectMissing(taken.path)
    return found
