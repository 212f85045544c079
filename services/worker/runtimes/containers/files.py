"""What is brought to a task's containers. Directories are volumes, which the engine fills through a
container that never starts, the carrier: the task's own may only be allowed to read there. Single
files are written into each container before it starts; where there are several, from the carrier.
"""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from conveyor.extensions.mounts import MountPoint
from conveyor.extensions.runtimes import Archive, RuntimeRejected
from conveyor.extensions.tasks import DATA, Place, TaskSpec
from services.worker.runtimes.containers.archives import EngineArchives
from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.containers.labels import labels_of
from services.worker.runtimes.containers.layout import TORK, WORKDIR, workdir_of
from services.worker.runtimes.containers.mounts import is_in
from services.worker.runtimes.places import check_places, members_for, place_at
from services.worker.runtimes.program import parents_of
from services.worker.runtimes.settings import RuntimeSettings
from shared.files.archives import Member, under, write_tar
from shared.files.archives.members import Members

_CARRIED = "/tork/carried"
"""In the carrier: no image has anything there."""


@dataclass(frozen=True, slots=True)
class _Volume:
    """`name` is the engine's, `target` where the task has it, `number` its name in the carrier."""

    name: str
    target: str
    number: int
    read_only: bool

    @property
    def mode(self) -> int:
        return 0o555 if self.read_only else 0o777

    def mounted(self, target: str, *, read_only: bool) -> Json:
        options = {"NoCopy": True}  # what the image has there is no part of it
        mount = {"Type": "volume", "Source": self.name, "Target": target, "ReadOnly": read_only}
        return {**mount, "VolumeOptions": options}


class ContainerFiles:
    def __init__(
        self,
        archives: EngineArchives,
        spec: TaskSpec,
        settings: RuntimeSettings,
        make_carrier: Callable[[Sequence[Json]], Awaitable[str]],
    ) -> None:
        """`make_carrier` makes a container of an image that is there, with these mounts."""
        self._archives = archives
        self._spec = spec
        self._settings = settings
        self._make_carrier = make_carrier
        self._volumes: list[_Volume] = []
        self._mounted: tuple[str, ...] = ()
        self._carrier: asyncio.Future[str] | None = None
        self._carried: list[Place] = []
        self._has_mount_points = False
        self.only_container: Callable[[], str] | None = None
        """Of a task that has no more than one."""

    async def prepare(
        self, points: Iterable[MountPoint], new_volume: Callable[[], Awaitable[str]]
    ) -> MountPoint:
        """What has to be mounted besides `points`, the task's mounts. Raises RuntimeRejected."""
        places = self._spec.places
        check_places(places)
        mounted = [mount["Target"] for point in points for mount in point.mounts]
        in_memory = [target for point in points for target in point.tmpfs]
        for place in places:
            self._check(place, mounted, in_memory)
            if place.is_directory and place.bind is None:
                name, number = await new_volume(), len(self._volumes)
                target = self._target(place)
                self._volumes.append(_Volume(name, target, number, place.read_only))
        binds = [self._bound(place, place.bind) for place in places if place.bind is not None]
        volumes = [each.mounted(each.target, read_only=each.read_only) for each in self._volumes]
        mounts = (*volumes, *binds)
        self._mounted = (*mounted, *in_memory, *(mount["Target"] for mount in mounts))
        return MountPoint(mounts=mounts, sources=tuple(bind["Source"] for bind in binds))

    async def bring(self, target: str, archive: Archive) -> None:
        place = place_at(target, self._spec.places)
        where = self._target(place)
        if (volume := self._volume_at(where)) is not None:
            within = "" if where == volume.target else posixpath.relpath(where, volume.target)
            folders = ["", *parents_of([within])]
            members = _behind(folders, volume.mode, members_for(place, archive, within))
            await self._put_into_volume(volume, members, target)
        elif self.only_container is not None:
            await self._write(self.only_container(), place, archive)
        else:
            name = f"{_CARRIED[1:]}/file-{len(self._carried)}"
            self._carried.append(place)
            await self._put(await self._carriers(), "/", members_for(place, archive, name), target)

    async def make_mount_points(self) -> None:
        """An engine can't make what it mounts on where it may only read."""
        if self._has_mount_points:
            return
        self._has_mount_points = True
        for target in self._mounted:
            volume = self._volume_at(posixpath.dirname(target))
            if volume is not None and volume.read_only:
                within = posixpath.relpath(target, volume.target)
                is_file = any(
                    self._target(place) == target and not place.is_directory
                    for place in self._spec.places
                )
                folders = [*parents_of([within]), *([] if is_file else [within])]
                files = [Member(within, "file")] if is_file else []
                members = _behind(folders, volume.mode, _each(files))
                await self._put_into_volume(volume, members, target)

    async def write_into(self, container: str) -> None:
        """The files that the carrier has, before the container starts."""
        for number, place in enumerate(self._carried):
            path = f"{_CARRIED}/file-{number}"
            async with self._archives.taken(await self._carriers(), path) as archive:
                await self._write(container, place, archive)

    async def _write(self, container: str, place: Place, archive: Archive) -> None:
        target = self._target(place)
        around = [each for each in self._mounted if is_in(target, each)]
        root = max([self._root(), *around], key=len)
        members = members_for(place, archive, posixpath.relpath(target, root))
        if not place.target.startswith("/"):
            # Directories below the working directory are anybody's to write to, as for `files`.
            base = workdir_of(self._spec) or "/"
            below = parents_of([posixpath.relpath(target, base)])
            folders = [posixpath.relpath(posixpath.join(base, each), root) for each in below]
            members = _behind(folders, 0o777, members)
        await self._put(container, root, members, place.target)

    async def _put_into_volume(self, volume: _Volume, members: Members, what: str) -> None:
        """Docker leaves the rights of the directory that is unpacked to as they are, and Podman
        finds a volume only by its own path."""
        path, name = _CARRIED, str(volume.number)
        if self._settings.is_podman:
            path, name = f"{path}/{name}", "."
        await self._put(await self._carriers(), path, under(name, members), what)

    async def _put(self, container: str, path: str, members: Members, what: str) -> None:
        await self._archives.put(container, path, write_tar(members), repr(what))

    async def _carriers(self) -> str:
        if self._carrier is None:
            mounts = [
                each.mounted(f"{_CARRIED}/{each.number}", read_only=False) for each in self._volumes
            ]
            self._carrier = asyncio.ensure_future(self._make_carrier(mounts))
        return await asyncio.shield(self._carrier)

    def _target(self, place: Place) -> str:
        target = posixpath.normpath(posixpath.join(workdir_of(self._spec) or "/", place.target))
        return f"/{target.lstrip('/')}"  # two leading ones would stay

    def _volume_at(self, path: str) -> _Volume | None:
        """The innermost that has it."""
        around = [volume for volume in self._volumes if is_in(path, volume.target)]
        return max(around, key=lambda volume: len(volume.target), default=None)

    def _root(self) -> str:
        """Nothing can be written into a root that is only for reading."""
        return TORK if self._settings.container_read_only else "/"

    def _bound(self, place: Place, source: str) -> Json:
        target = self._target(place)
        return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": place.read_only}

    def _check(self, place: Place, mounted: Sequence[str], in_memory: Sequence[str]) -> None:
        target, about = self._target(place), f"target {place.target!r}"
        is_for_files = any(is_in(target, each) and target != each for each in (WORKDIR, DATA))
        if is_in(target, TORK) and not is_for_files:
            raise RuntimeRejected(f"{about} must not be {TORK} nor below it")
        if target in (*mounted, *in_memory):
            raise RuntimeRejected(f"{about}: the task mounts something else there")
        if place.is_directory or place.bind is not None or self._volume_at(target) is not None:
            return
        if any(is_in(target, each) for each in in_memory):
            raise RuntimeRejected(f"{about}: a file can't be written into a mount in memory")
        if not any(is_in(target, each) for each in (self._root(), *mounted)):
            raise RuntimeRejected(
                f"{about} is only for reading on this worker "
                "(its setting CONVEYOR_RUNTIME_CONTAINER_READ_ONLY): name a directory, or a file "
                "below the working directory"
            )


def carrier_config(spec: TaskSpec, mounts: Sequence[Json]) -> Json:
    """Of a container that never starts, in which the task's files are written."""
    first = next((aux.program for aux in (*spec.pre, *spec.sidecars)), spec)  # its image is there
    host = {"Mounts": list(mounts), "NetworkMode": "none", "LogConfig": {"Type": "none"}}
    labels = labels_of(spec)
    return {"Image": first.image, "Entrypoint": ["-"], "Labels": labels, "HostConfig": host}


async def _behind(folders: Iterable[str], mode: int, members: Members) -> Members:
    for folder in folders:
        yield Member(folder, "directory", mode)
    async for member in members:
        yield member


async def _each(members: Iterable[Member]) -> Members:
    for member in members:
        yield member
