"""What an execution has left as one directory: its output, its exit code, and its artifacts."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO

from conveyor.extensions.runtimes import Archive, RuntimeRejected
from shared.definition import EXIT_CODE, STDERR, STDOUT, Artifact
from shared.files.archives import Member, file_member, read_tar, rooted, under
from shared.files.archives.members import DIRECTORY_MODE, Members
from shared.files.streams import of_bytes
from shared.process.redaction import Redactor

_MOST_BYTES = 1 << 30
"""Of each of the two: a program can write for ever."""
_PIECE_BYTES = 1024 * 1024
_STREAMS = {1: STDOUT, 2: STDERR}

Take = Callable[[str], AbstractAsyncContextManager[Archive]]
Say = Callable[[str], Awaitable[None]]


def _nameless(folder: Path) -> IO[bytes]:
    """Nothing of it outlives the worker."""
    return tempfile.TemporaryFile(dir=folder, buffering=0)


class Output:
    """What a program writes, on this machine's disk in `folder`. `close` it."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder = folder
        self._files = {name: _nameless(folder) for name in _STREAMS.values()}
        self._left = dict.fromkeys(_STREAMS.values(), _MOST_BYTES)

    def write(self, number: int, data: bytes) -> None:
        """A full disk costs the rest: the log has all of it."""
        name = _STREAMS[number]
        data = data[: self._left[name]]
        self._left[name] -= len(data)
        try:
            self._files[name].write(data)
        except OSError:  # as said
            self._left[name] = 0

    async def members(self, secrets: Redactor) -> Members:
        for name, file in self._files.items():
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if not secrets:
                yield file_member(name, size, _pieces(file))
                continue
            with _nameless(self._folder) as shown:
                await asyncio.to_thread(_write_without, secrets, file, shown)
                size = shown.tell()
                shown.seek(0)
                yield file_member(name, size, _pieces(shown))

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _write_without(secrets: Redactor, source: IO[bytes], target: IO[bytes]) -> None:
    """By the line, as in a log."""
    with open(source.fileno(), "rb", closefd=False) as lines:
        while line := lines.readline(_PIECE_BYTES):
            text = secrets.text(line.decode(errors="surrogateescape"))
            target.write(text.encode(errors="surrogateescape"))


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece


async def bundled(
    output: Output,
    secrets: Redactor,
    exit_code: int,
    artifacts: Sequence[Artifact],
    take: Take,
    say: Say,
) -> Members:
    """An artifact that is not there is an empty directory, which `say` hears of."""
    async for member in output.members(secrets):
        yield member
    told = str(exit_code).encode()
    yield file_member(EXIT_CODE, len(told), of_bytes(told))
    for artifact in artifacts:
        try:
            async with take(artifact.path) as archive:
                root, tree = await rooted(read_tar(archive))
                async for member in _under(artifact.name, root, tree):
                    yield member
        except RuntimeRejected as error:
            await say(f"{artifact.name}: {error}")
            yield Member(artifact.name, "directory", DIRECTORY_MODE)


async def _under(name: str, root: Member, tree: Members) -> Members:
    if root.kind == "file":
        yield file_member(name, root.size, root.content, root.mode)
    else:
        yield Member(name, "directory", DIRECTORY_MODE)
    async for member in under(name, tree):
        yield member
