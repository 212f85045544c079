"""Single chunks of an artifact that is a directory of them. Where each is in the archive is looked
up once for all tasks of the worker: one look for each chunk would cost the square of their number.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from conveyor.extensions.files import FileStore, ObjectMissing
from services.worker.files.fetching import Fetcher, Item, as_file
from services.worker.files.origins import stored_origin
from shared.definition import TakenArtifact
from shared.files.archives import IndexEntry, opened_index

_MOST_ARTIFACTS = 4

_Entries = Mapping[str, IndexEntry]


class ChunkIndexes:
    """Of the artifacts that were asked for last."""

    def __init__(self) -> None:
        self._read: OrderedDict[str, asyncio.Task[_Entries]] = OrderedDict()

    async def entries(self, store: FileStore, taken: TakenArtifact) -> _Entries:
        """By their paths. Raises FilesError."""
        reading = self._read.get(taken.object)
        if reading is None or (reading.done() and reading.exception() is not None):
            reading = asyncio.create_task(_entries(store, taken))
            self._read[taken.object] = reading
            if len(self._read) > _MOST_ARTIFACTS:
                self._read.popitem(last=False)
        self._read.move_to_end(taken.object)
        return await asyncio.shield(reading)  # one task that is stopped does not stop the others


async def chunk_items(
    indexes: ChunkIndexes, store: FileStore, taken: TakenArtifact, chunk: int, fetcher: Fetcher
) -> list[Item]:
    """The chunk as `data.bin` and, where it was described, its line as `chunk.json`."""
    entries = await indexes.entries(store, taken)
    data = entries.get(f"data_{chunk}.bin")
    if data is None:
        raise ObjectMissing(f"data_{chunk}.bin")
    found = {"data.bin": data, "chunk.json": entries.get(f"chunk_{chunk}.json")}
    return [
        _item(name, entry, store, taken, fetcher)
        for name, entry in found.items()
        if entry is not None
    ]


def _item(
    name: str, entry: IndexEntry, store: FileStore, taken: TakenArtifact, fetcher: Fetcher
) -> Item:
    origin = stored_origin(store, taken.object, entry.size, entry.sha256, entry.span, entry.mode)
    return fetcher.item(origin, as_file(name, entry.mode))


async def _entries(store: FileStore, taken: TakenArtifact) -> _Entries:
    async with opened_index(store, taken.object, taken.sha256) as (_, entries):
        return {entry.path: entry async for entry in entries}
