"""What the children of a task have left: a directory for each, or all in one, and a manifest."""

import asyncio
import posixpath
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from conveyor.extensions.files import FileStore
from services.worker.files.fetching import Fetcher, Item, OnDisk, as_file, given, pieces_of
from services.worker.files.origins import Origin, stored_origin
from services.worker.files.taken import file_origin, is_directory
from shared.definition import TakenArtifact, TakenChild
from shared.files.archives import Member, below, opened_index, read_tar, under
from shared.files.archives.children import (
    MANIFEST,
    ManifestChild,
    ManifestFile,
    child_directory,
    manifest,
)
from shared.files.archives.members import DIRECTORY_MODE, Members

_AT_ONCE = 16
"""Of how many it is looked at once what they have left."""


@dataclass(frozen=True, slots=True)
class _Left:
    """`files` by their paths in it; `path` is the directory of the archive, None of one file."""

    origin: Origin
    files: Sequence[ManifestFile]
    path: str | None


async def children_items(
    children: Sequence[TakenChild], store: FileStore, fetcher: Fetcher, *, is_flat: bool = False
) -> list[Item]:
    """In the order of their index."""
    ordered = sorted(children, key=lambda child: child.index)
    last = ordered[-1].index if ordered else 0
    names = _FlatNames()
    items, noted = list[Item](), list[ManifestChild]()
    async for child, left in _all_left(ordered, store):
        files = left.files if left else ()
        if left is not None and is_flat:
            placed = names.of(child.index, [file.name for file in files])
            items.append(_flat_item(left, placed, fetcher))
            files = [replace(file, name=placed[file.name]) for file in files]
        elif left is not None:
            items += _items_in(child_directory(child.index, last), left, fetcher)
        noted.append(_noted(child, files))
    for old, new in names.changed[:_AT_ONCE]:
        await fetcher.progress.say(f"{old} is there already: it is {new}")
    if (more := len(names.changed) - _AT_ONCE) > 0:
        await fetcher.progress.say(f"{more} more have other names, which {MANIFEST} has")
    return [*items, given(lambda: _only(manifest(noted)))]


def _noted(child: TakenChild, files: Sequence[ManifestFile]) -> ManifestChild:
    return ManifestChild(
        index=child.index,
        task_id=child.task_id,
        state=child.state,
        exit_code=child.exit_code,
        files=files,
        attempt=child.attempt,
        error=child.error,
    )


async def _all_left(
    children: Sequence[TakenChild], store: FileStore
) -> AsyncIterator[tuple[TakenChild, _Left | None]]:
    for start in range(0, len(children), _AT_ONCE):
        some = children[start : start + _AT_ONCE]
        found = await asyncio.gather(*(_left(child.artifact, store) for child in some))
        for pair in zip(some, found, strict=True):
            yield pair


async def _left(taken: TakenArtifact | None, store: FileStore) -> _Left | None:
    if taken is None:
        return None
    if not await is_directory(store, taken):
        origin = await file_origin(store, taken)
        name = posixpath.basename(taken.path) or taken.file_name
        return _Left(origin, [ManifestFile(name, origin.size or 0, origin.sha256)], None)
    start = f"{taken.path}/" if taken.path else ""
    async with opened_index(store, taken.object, taken.sha256) as (head, entries):
        files = [
            ManifestFile(entry.path.removeprefix(start), entry.size, entry.sha256)
            async for entry in entries
            if entry.has_content and entry.path.startswith(start)
        ]
    origin = stored_origin(store, taken.object, head.archive_size, head.archive_sha256)
    return _Left(origin, files, taken.path)


def _items_in(root: str, left: _Left, fetcher: Fetcher) -> Iterator[Item]:
    yield given(lambda: _only(Member(root, "directory", DIRECTORY_MODE)))
    if left.path is None:
        yield fetcher.item(left.origin, as_file(f"{root}/{left.files[0].name}", left.origin.mode))
    else:
        yield fetcher.item(left.origin, lambda found: under(root, _tree(left, found)))


def _flat_item(left: _Left, placed: Mapping[str, str], fetcher: Fetcher) -> Item:
    if left.path is None:
        return fetcher.item(left.origin, as_file(placed[left.files[0].name], left.origin.mode))
    return fetcher.item(left.origin, lambda found: _renamed(placed, _tree(left, found)))


def _tree(left: _Left, found: OnDisk) -> Members:
    return below(left.path or "", read_tar(pieces_of(found)))


async def _renamed(placed: Mapping[str, str], members: Members) -> Members:
    """Its files; what is neither file nor directory would not be found where a link leads."""
    async for member in members:
        if member.kind == "directory":
            yield member
        elif member.path in placed:
            target = placed.get(member.target, member.target)
            yield replace(member, path=placed[member.path], target=target)


class _FlatNames:
    """The paths of files of many children in one directory: the second with a name gets the index
    of its child before it."""

    def __init__(self) -> None:
        self._taken = {MANIFEST}
        self.changed: list[tuple[str, str]] = []

    def of(self, index: int, paths: Sequence[str]) -> dict[str, str]:
        placed = {}
        for path in paths:
            name = path
            while name in self._taken:
                folder, base = posixpath.split(name)
                name = posixpath.join(folder, f"{index}_{base}")
            self._taken.add(name)
            if name != path:
                self.changed.append((path, name))
            placed[path] = name
        return placed


async def _only(member: Member) -> Members:
    yield member
