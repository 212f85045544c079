"""The files of a shell task that are brought before it starts, and taken when it has ended."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from typing import TypeVar

from conveyor.extensions.runtimes import RESULT, Archive, RuntimeRejected
from conveyor.extensions.tasks import Place, TaskSpec
from services.worker.runtimes.places import check_places, members_for, place_at
from services.worker.runtimes.shell.directory import WORKDIR, TaskDirectory, sorted_error
from services.worker.runtimes.shell.rights import User, UserThread
from services.worker.runtimes.shell.trees import (
    Opened,
    Unpacking,
    forbid_writing,
    make_link,
    make_way,
    packed,
)
from shared.files.archives import Member
from shared.files.archives.members import Members

T = TypeVar("T")
_WORKER = User(None, None)
_BATCH_BYTES = 512 * 1024
_MEMBER_BYTES = 4096
"""What making one weighs besides its content."""


class TaskFiles:
    def __init__(self, directory: TaskDirectory, spec: TaskSpec) -> None:
        self._directory = directory
        self._spec = spec
        self.user = _WORKER

    def make_places(self) -> None:
        """As far as they are directories, or need some. Raises RuntimeRejected, OSError."""
        check_places(self._spec.places)
        for place in self._spec.places:
            *parents, name = self._way_to(place)
            is_made = place.is_directory and not _is_linked(place)
            make_way(self._directory.fd, [*parents, name] if is_made else parents)

    async def bring(self, target: str, archive: Archive) -> None:
        place = place_at(target, self._spec.places)
        *parents, name = self._way_to(place)
        folder, root = ([*parents, name], "") if place.is_directory else (parents, name)
        async with _Steps(self.user, f"target {target!r}") as run:
            unpacking = await run(partial(Unpacking, self._directory.fd, folder))
            try:
                async for steps in _batches(members_for(place, archive, root)):
                    await run(partial(unpacking.take, steps))
            finally:
                await run(unpacking.close)

    async def complete(self) -> None:
        """Before anything starts: what is bound, and no writing where it is only for reading."""
        for place in self._spec.places:
            if place.bind is not None:
                await self._bind(place, place.bind)
        async with _Steps(self.user, "read-only sources") as run:
            for place in self._spec.places:
                if place.is_directory and place.read_only and not _is_linked(place):
                    await run(partial(forbid_writing, self._directory.fd, self._way_to(place)))

    @contextlib.asynccontextmanager
    async def take(self, path: str) -> AsyncIterator[Archive]:
        async with _Steps(self.user, f"path {path!r}") as run:
            pieces = packed(await run(partial(self._opened, path)))
            first = await run(partial(next, pieces))  # from here on it closes what is open
            try:
                yield _each(run, first, pieces)
            finally:
                await run(pieces.close)

    async def _bind(self, place: Place, source: str) -> None:
        """A link to what may be changed; else a copy, as nothing else keeps it as it is."""
        if not _is_linked(place):
            async with _copied(source) as archive:
                await self.bring(place.target, archive)
            return
        async with _Steps(self.user, f"target {place.target!r}") as run:
            way = self._way_to(place)
            await run(partial(make_link, self._directory.fd, way, source))

    def _way_to(self, place: Place) -> list[str]:
        """Names from the task's directory on. Raises RuntimeRejected."""
        target = place.target
        if (way := self._directory.way_of_data(target)) is not None:
            target = way
        elif target.startswith("/"):
            below = f"{self._directory.workdir}/"
            if not target.startswith(below):
                raise RuntimeRejected(
                    f"target {target!r} must be relative: "
                    "the shell runtime gives each task a directory of its own"
                )
            target = f"{WORKDIR}/{target.removeprefix(below)}"
        else:
            target = f"{WORKDIR}/{self._spec.workdir or ''}/{target}"
        return [name for name in target.split("/") if name not in ("", ".")]

    def _opened(self, path: str) -> Opened:
        root = self._directory.path
        if path == RESULT:
            return Opened(self._directory.fd, root, self._directory.output_way)
        if (of_data := self._directory.way_of_data(path)) is not None:
            way = of_data
        elif not path.startswith("/"):
            way = f"{WORKDIR}/{self._spec.workdir or ''}/{path}"
        elif f"{path}/".startswith(f"{root}/"):
            way = path.removeprefix(root)
        else:
            raise RuntimeRejected(
                "it is outside of the task's directory, and all that the shell runtime takes is "
                "there: name a path below the working directory"
            )
        return Opened(self._directory.fd, root, way)


def _is_linked(place: Place) -> bool:
    return place.bind is not None and (place.is_linked or not place.read_only)


async def _batches(members: Members) -> AsyncIterator[list[Member | bytes]]:
    """Members, and after each the pieces of its content: a thread is better asked seldom."""
    batch, size = list[Member | bytes](), 0
    async for member in members:
        batch.append(member)
        size += _MEMBER_BYTES
        async for piece in member.content:
            batch.append(piece)
            size += len(piece)
            if size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


class _Steps:
    """Runs steps of work with files as a user. What they raise says what it is about."""

    def __init__(self, user: User, about: str) -> None:
        self._thread = UserThread(user)
        self._about = about

    async def __aenter__(self) -> "_Steps":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.close()

    async def __call__(self, step: Callable[[], T]) -> T:
        try:
            return await self._thread.run(step)
        except RuntimeRejected as error:
            raise RuntimeRejected(f"{self._about}: {error}") from error
        except FileNotFoundError as error:
            raise RuntimeRejected(f"{self._about}: no such file or directory") from error
        except OSError as error:
            raise sorted_error(self._about, error) from error


async def _each(run: _Steps, first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    data = first
    while data:
        yield data
        data = await run(partial(next, pieces, b""))


@contextlib.asynccontextmanager
async def _copied(source: str) -> AsyncIterator[Archive]:
    """The tar of a directory or file of this machine, as the worker may read it."""
    async with _Steps(_WORKER, source) as run:
        pieces = await run(partial(_packed, source))
        first = await run(partial(next, pieces))
        try:
            yield _each(run, first, pieces)
        finally:
            await run(pieces.close)


def _packed(source: str) -> Generator[bytes]:
    folder, name = (source, "") if os.path.isdir(source) else os.path.split(source)
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return packed(Opened(root, folder, name))
    finally:
        os.close(root)
