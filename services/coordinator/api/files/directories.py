"""What is in a directory that was kept, from its index, which is read as a stream."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from conveyor.extensions.files import FileStore
from services.coordinator.api.files.lookup import OfTask
from services.coordinator.api.files.schemas import Entry, EntryPage
from services.coordinator.store.rows import PageRequest
from shared.files.archives import IndexEntry, opened_index


@dataclass
class _Directory:
    """One in the directory, whose members follow each other."""

    name: str
    files: int = 0
    size: int = 0


async def entry_page(store: FileStore, found: OfTask, path: str, asked: PageRequest) -> EntryPage:
    """`path` is the directory's own. Raises FilesError."""
    kept, items, count = found.artifact, list[Entry](), 0
    async with opened_index(store, kept.object, kept.sha256) as (_, entries):
        async for entry in _children(entries, found.inside, path):
            if asked.offset <= count < asked.offset + asked.size:
                items.append(entry)
            count += 1
    return EntryPage(
        number=asked.number,
        size=len(items),
        total_pages=-(-count // asked.size),
        total_items=count,
        items=items,
    )


async def _children(
    entries: AsyncIterator[IndexEntry], inside: str, path: str
) -> AsyncIterator[Entry]:
    start = f"{inside}/" if inside else ""
    directory: _Directory | None = None
    async for entry in entries:
        if not entry.path.startswith(start):
            continue
        name, slash, _ = entry.path.removeprefix(start).partition("/")
        if directory is not None and directory.name != name:
            yield _of_directory(directory, path)
            directory = None
        if slash or entry.kind == "directory":
            directory = directory or _Directory(name)
            directory.files += entry.has_content
            directory.size += entry.size
        else:
            yield _of_file(entry, name, path)
    if directory is not None:
        yield _of_directory(directory, path)


def _of_directory(directory: _Directory, path: str) -> Entry:
    return Entry(
        name=directory.name,
        path=f"{path}/{directory.name}",
        kind="directory",
        size=directory.size,
        files=directory.files,
    )


def _of_file(entry: IndexEntry, name: str, path: str) -> Entry:
    if not entry.has_content:
        return Entry(name=name, path=f"{path}/{name}", kind="symlink", target=entry.target)
    return Entry(
        name=name, path=f"{path}/{name}", kind="file", size=entry.size, sha256=entry.sha256
    )
