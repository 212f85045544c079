"""A directory of this machine that artifacts are published to, written without following links:
tasks may be able to put some there."""

import os
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from conveyor.extensions.files import ObjectRefused, StoreUnavailable
from services.worker.files.locked_files import LockedFile, begun, made, remove_unused
from shared.files.cleanup import cleaned_up
from shared.files.streams import in_pieces

_PARTIAL = ".conveyor-partial-"
_PIECE_BYTES = 1024 * 1024
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LocalTarget:
    """`folder` is resolved and allowed. A file appears there whole."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def url(self, path: str) -> str:
        return (self._folder / path).as_uri()

    async def put(self, path: str, mode: int, content: AsyncIterator[bytes]) -> None:
        """Raises FilesError."""
        with _translated(path):
            opened = await made(lambda: self._opened_parent(path), os.close)
            try:
                await self._write(Path(f"/proc/self/fd/{opened}"), path, mode, content)
            finally:
                await cleaned_up(os.close, opened)

    async def _write(
        self, parent: Path, path: str, mode: int, content: AsyncIterator[bytes]
    ) -> None:
        partial = await made(lambda: _new_partial(parent), LockedFile.discard)
        try:
            async for piece in in_pieces(content, lambda _: _PIECE_BYTES):
                await to_thread(partial.file.write, piece)
            await to_thread(_complete, partial, parent / path.rpartition("/")[2], mode)
        except BaseException:
            await cleaned_up(partial.discard)
            raise

    def _opened_parent(self, path: str) -> int:
        """A descriptor of the directory for that path, which is made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(self._folder, _OPEN_FOLDER)
        for segment in path.split("/")[:-1]:
            try:
                below = _opened_below(opened, segment)
            finally:
                os.close(opened)
            opened = below
        return opened


def _opened_below(folder: int, segment: str) -> int:
    with suppress(FileExistsError):  # a link can't be opened
        os.mkdir(segment, dir_fd=folder)
    return os.open(segment, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def _new_partial(parent: Path) -> LockedFile:
    """And what workers that were killed have left here goes."""
    for path in parent.glob(f"{_PARTIAL}*"):
        remove_unused(path)
    partial = begun(parent / f"{_PARTIAL}{uuid4().hex}")
    if partial is None:  # another worker took it for one that was left
        raise StoreUnavailable("the file was removed")
    return partial


def _complete(partial: LockedFile, path: Path, mode: int) -> None:
    os.fchmod(partial.file.fileno(), mode & 0o777)
    partial.file.flush()
    os.fsync(partial.file.fileno())
    partial.publish(path).close()


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ObjectRefused(f"{path!r} can't be written: {error.strerror}") from error
