"""The artifacts of one task, from where it left them to the store of files."""

import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial

from conveyor.extensions.files import FilesError, ObjectRefused, Stored
from conveyor.extensions.runtimes import Archive, LogSink, RuntimeRejected
from services.worker.files.bringing import naming
from services.worker.files.chunk_check import BadChunks, ChunkCheck, Listing, listing_in
from services.worker.files.progress import Progress, size_text
from services.worker.files.services import FileServices
from shared.definition.files import OVER_QUOTA
from shared.files.archives import (
    ArchiveIndex,
    Checked,
    Member,
    index_name,
    read_tar,
    rooted,
    write_tar,
)
from shared.files.archives.members import Members
from shared.files.transfers import patiently
from shared.messages import OWN_LINE, KeptArtifact

_MOST_LEFT_OUT_LINES = 10

Take = Callable[[str], AbstractAsyncContextManager[Archive]]


class Allowance:
    """What an attempt may still keep; None: as much as it likes."""

    def __init__(self, left_bytes: int | None) -> None:
        self._left = left_bytes

    def spend(self, count: int) -> None:
        """Raises ObjectRefused."""
        if self._left is None:
            return
        self._left -= count
        if self._left < 0:
            raise ObjectRefused(OVER_QUOTA)

    def give_back(self, count: int) -> None:
        if self._left is not None:
            self._left += count


@dataclass(frozen=True, slots=True)
class Taker:
    """`prefix` is what the names of all objects of the dispatch start with."""

    services: FileServices
    take: Take
    log: LogSink
    prefix: str
    allowance: Allowance

    async def kept(self, name: str, path: str) -> KeptArtifact:
        """Keep what is at `path`. Raises RuntimeRejected, and then nothing of it is kept; the same
        when it is cancelled."""
        return await self._kept(name, partial(self._once, name, path))

    async def kept_chunks(self, name: str, path: str) -> KeptArtifact:
        """The same for a directory of chunks. Raises RuntimeRejected for what is none."""
        try:
            listing = await listing_in(path, self.take)
            return await self._kept(name, partial(self._chunks_once, name, path, listing))
        except BadChunks as error:
            raise RuntimeRejected(str(error)) from None

    async def kept_tree(self, name: str, members: Callable[[], Members]) -> KeptArtifact:
        """The same for a directory of these members, which are made anew for each try."""

        async def once(progress: Progress) -> KeptArtifact:
            common = {"name": name, "object": f"{self.prefix}{name}", "file_name": name}
            return await self._put_tree(common, members(), progress)

        return await self._kept(name, once)

    async def _kept(
        self, name: str, once: Callable[[Progress], Awaitable[KeptArtifact]]
    ) -> KeptArtifact:
        progress = Progress(self.log, f"artifact {name}")

        async def anew() -> KeptArtifact:
            self.allowance.give_back(progress.done)
            progress.done = 0
            return await once(progress)

        async with naming(progress.what):
            try:
                # From its beginning; some stores go on from where it broke off.
                return await patiently(anew)
            except BaseException:
                await self.discard(f"{self.prefix}{name}")
                raise

    async def say(self, text: str) -> None:
        await self.log(f"{OWN_LINE}{text}\n".encode("utf-8", "replace"))

    async def discard(self, object_name: str) -> None:
        """As far as the store can be reached; a sweep finds the rest."""
        for name in (object_name, index_name(object_name)):
            with suppress(FilesError):
                await self.services.store.delete(name)

    async def _once(self, name: str, path: str, progress: Progress) -> KeptArtifact:
        async with self.take(path) as archive:
            root, tree = await rooted(read_tar(archive))
            common = self._common(name, path)
            if root.kind == "file":
                stored = await self._put_file(f"{self.prefix}{name}", root, tree, progress)
                return KeptArtifact(
                    **common, size=stored.size, sha256=stored.sha256, mode=root.mode & 0o777
                )
            if root.kind != "directory":
                raise RuntimeRejected(f"{path!r} is neither a file nor a directory")
            return await self._put_tree(common, tree, progress)

    async def _chunks_once(
        self, name: str, path: str, listing: Listing | None, progress: Progress
    ) -> KeptArtifact:
        async with self.take(path) as archive:
            root, tree = await rooted(read_tar(archive))
            if root.kind != "directory":
                raise BadChunks(f"{path!r} is no directory")
            check = ChunkCheck(listing)
            kept = await self._put_tree(self._common(name, path), check.members(tree), progress)
        await progress.say(f"it has {check.count} {'chunk' if check.count == 1 else 'chunks'}")
        return kept.model_copy(update={"chunks": check.count})

    def _common(self, name: str, path: str) -> dict[str, str]:
        file_name = _file_name(path) or name
        return {"name": name, "object": f"{self.prefix}{name}", "file_name": file_name}

    async def _put_file(
        self, object_name: str, file: Member, rest: Members, progress: Progress
    ) -> Stored:
        stored = await self.services.store.put(object_name, self._counted(file.content, progress))
        async for _ in rest:  # the runtime has sent all of it
            pass
        await progress.say(f"{size_text(stored.size)} kept")
        return stored

    async def _put_tree(
        self, common: dict[str, str], tree: Members, progress: Progress
    ) -> KeptArtifact:
        store, left_out = self.services.store, list[str]()
        with ArchiveIndex(self.services.cache.folder) as index:
            checked = Checked(tree, left_out.append)
            chunks = self._counted(write_tar(checked, index.add), progress)
            archive = await store.put(common["object"], chunks)
            lines = self._counted(index.chunks(archive.size, archive.sha256), progress)
            noted = await store.put(index_name(common["object"]), lines)
            files, size = index.files, index.size
        await self._say_left_out(left_out, progress)
        counted = "1 file" if files == 1 else f"{files} files"
        await progress.say(f"{size_text(size)} in {counted} kept")
        return KeptArtifact(**common, size=archive.size, sha256=noted.sha256, files=files)

    async def _counted(
        self, chunks: AsyncIterator[bytes], progress: Progress
    ) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.allowance.spend(len(chunk))
            self.services.metrics.kept.inc(len(chunk))
            await progress.add(len(chunk))
            yield chunk

    async def _say_left_out(self, reasons: Sequence[str], progress: Progress) -> None:
        for reason in reasons[:_MOST_LEFT_OUT_LINES]:
            await progress.say(f"left out: {reason}")
        if len(reasons) > _MOST_LEFT_OUT_LINES:
            await progress.say(f"left out: {len(reasons) - _MOST_LEFT_OUT_LINES} more")


def _file_name(path: str) -> str:
    """Empty for the working directory itself, and for the root."""
    last = posixpath.basename(posixpath.normpath(path))
    return "" if last == "." else last
