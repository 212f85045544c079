"""Artifacts of other tasks, and uploads: what is in the store of files."""

from collections.abc import AsyncIterator, Callable, Sequence

from conveyor.extensions.files import FileStore, ObjectMissing
from services.worker.files.fetching import Fetcher, Item, OnDisk, as_file, given, pieces_of
from services.worker.files.origins import Origin, stored_origin
from shared.definition import TakenArtifact, TakenChild
from shared.files.archives import (
    IndexEntry,
    Member,
    below,
    find_entry,
    opened_index,
    read_tar,
    under,
)
from shared.files.archives.children import (
    ManifestChild,
    ManifestFile,
    child_directory,
    manifest,
)
from shared.files.archives.members import DIRECTORY_MODE, Members


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
    root: str = "",
    each: Callable[[IndexEntry], object] = lambda _: None,
) -> Item:
    """A directory, or one in it, as a tree in `root`; `each` is called with what is in it."""
    start = f"{taken.path}/" if taken.path else ""
    async with opened_index(store, taken.object, taken.sha256) as (head, entries):
        async for entry in entries:
            if entry.path.startswith(start):
                each(entry)
    origin = stored_origin(store, taken.object, head.archive_size, head.archive_sha256)
    return fetcher.item(origin, _tree(taken.path, root))


async def children_items(
    children: Sequence[TakenChild], store: FileStore, fetcher: Fetcher
) -> list[Item]:
    """A directory of all children by their index, and what they are as a file beside them."""
    last = max((child.index for child in children), default=0)
    items, noted = list[Item](), list[ManifestChild]()
    for child in sorted(children, key=lambda child: child.index):
        root, files = child_directory(child.index, last), list[ManifestFile]()
        if child.artifact is not None:
            items.append(given(_directory(root)))
            items.append(await _child_item(child.artifact, store, fetcher, root, files))
        task_id, state = child.task_id, child.state
        noted.append(ManifestChild(child.index, task_id, state, child.exit_code, files))
    return [*items, given(lambda: _only(manifest(noted)))]


async def _child_item(
    taken: TakenArtifact, store: FileStore, fetcher: Fetcher, root: str, files: list[ManifestFile]
) -> Item:
    if await is_directory(store, taken):
        start = f"{taken.path}/" if taken.path else ""

        def note(entry: IndexEntry) -> None:
            if entry.has_content:
                name = entry.path.removeprefix(start)
                files.append(ManifestFile(name, entry.size, entry.sha256))

        return await tree_item(store, taken, fetcher, root, note)
    origin = await file_origin(store, taken)
    name = taken.path.rpartition("/")[2] or taken.file_name
    files.append(ManifestFile(name, origin.size or 0, origin.sha256))
    return fetcher.item(origin, as_file(f"{root}/{name}", origin.mode))


async def _entry(store: FileStore, taken: TakenArtifact) -> IndexEntry:
    found = await find_entry(store, taken.object, taken.path)
    if found is None:
        raise ObjectMissing(taken.path)
    return found


def _tree(path: str, root: str) -> Callable[[OnDisk], Members]:
    return lambda found: under(root, below(path, read_tar(pieces_of(found))))


def _directory(path: str) -> Callable[[], Members]:
    return lambda: _only(Member(path, "directory", DIRECTORY_MODE))


async def _only(member: Member) -> AsyncIterator[Member]:
    yield member
