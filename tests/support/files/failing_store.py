"""A directory of files that can be away."""

from collections.abc import AsyncIterator
from pathlib import Path

from conveyor.extensions.files import FilesError, ObjectInfo
from shared.files.directory.store import DirectoryStore
from shared.files.streams import of_bytes


class FailingStore(DirectoryStore):
    """With `error` set, what lists or removes objects raises it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.error: FilesError | None = None
        self.asked = 0

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        async for info in super().list_objects(prefix):
            yield info

    async def delete(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        await super().delete(name)

    async def fill(self, *names: str) -> None:
        for name in names:
            await self.put(name, of_bytes(b"content"))

    async def names(self, prefix: str = "") -> list[str]:
        return [info.name async for info in super().list_objects(prefix)]
