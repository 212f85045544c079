"""What a task's container looks like: its configuration, and the files under /tork.

/tork/entrypoint is the `run` script, /tork/stdout is $TORK_OUTPUT, /tork/progress is
$TORK_PROGRESS, /tork/workdir holds `files` unless the task names a workdir of its own.

Writing an archive into a container costs the engine a process, a fifth of a short container's
life. So it is only done for what needs it: a plain script travels as the shell's argument, which
makes $TORK_OUTPUT and $TORK_PROGRESS first; and where the image's user is root, /tork only has to
be there for the image's own program to write in.
"""

import io
import posixpath
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Aux, TaskSpec
from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.containers.labels import labels_of
from services.worker.runtimes.containers.rights import rights
from services.worker.runtimes.ports import TakenPort, published
from services.worker.runtimes.program import (
    check_file_names,
    check_image,
    check_passable,
    check_stop_signal,
    fits_an_argument,
    parents_of,
)
from services.worker.runtimes.settings import RuntimeSettings
from shared.definition.quantities import parse_memory

A = TypeVar("A", bound=Aux)


class PlacedFiles(Protocol):
    async def make_mount_points(self) -> None:
        """Once there is an image to do it with, and before anything is written to a container."""
        ...

    async def write_into(self, container: str) -> None:
        """What was brought and has to be in each container, before it starts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlacement:
    """`networks`: the first is given at creation, the others are joined before the start; none
    means the engine's default. `alias` is the container's name on the first. `hosts` maps names to
    addresses. `sources` are looked at again before anything is done with the container. `gpus`,
    `privileged` and `ports` are of the main container alone. `variables` stand above the program's
    own. `take_other_ports` raises what `prepare` does. `is_isolated`: no name server, and no right
    to change its network.
    """

    mounts: tuple[Json, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    alias: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Json, ...] = ()
    privileged: bool = False
    files: PlacedFiles | None = None
    variables: dict[str, str] = field(default_factory=dict)
    ports: tuple[TakenPort, ...] = ()
    take_other_ports: Callable[[], None] | None = None
    is_isolated: bool = False


def is_bare(spec: TaskSpec) -> bool:
    """Whether it needs nothing but its container."""
    return not (
        spec.mounts
        or spec.places
        or spec.networks
        or spec.network
        or spec.gpus
        or spec.privileged
        or spec.pre
        or spec.post
        or spec.sidecars
    )


TORK = "/tork"
OUTPUT = "/tork/stdout"
PROGRESS = "/tork/progress"
_SCRIPT = "/tork/entrypoint"
WORKDIR = "/tork/workdir"
# Writable by any user that the script becomes. Errors of the script's shell begin with its $0.
_WITH_REPORTS = f'(umask 0;>{OUTPUT};>{PROGRESS});exec "$0" -c "$1" {_SCRIPT}'
# Mounting it makes the engine's runtime create /tork in the container's own layer, owned by root.
_MAKES_TORK = {"/tork/run": "size=4k"}


def check_spec(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a container can't have, in words better than an engine's."""
    check_image(spec)
    check_passable(spec)
    check_stop_signal(spec)
    if spec.image is None:
        raise RuntimeRejected(
            "no image: a container needs one; add `image:`, or set CONVEYOR_RUNTIME_DEFAULT_IMAGE "
            "on the worker"
        )
    if spec.workdir and not spec.workdir.startswith("/"):
        raise RuntimeRejected(f"workdir {spec.workdir!r} must be an absolute path in a container")
    if spec.cpus is not None and not spec.cpus > 0:
        raise RuntimeRejected(f"limits.cpus must be above 0, not {spec.cpus:g}")
    if spec.memory_bytes is not None and spec.memory_bytes <= 0:
        raise RuntimeRejected(f"limits.memory must be above 0, not {spec.memory_bytes}")
    check_file_names(spec.files)


def with_default_image(spec: TaskSpec, image: str | None) -> TaskSpec:
    """What runs around the task has its image, if none of its own."""
    if image is None or spec.image is not None:
        return spec

    def given(aux: A) -> A:
        return replace(aux, program=with_default_image(aux.program, image))

    return replace(
        spec,
        image=image,
        pre=tuple(map(given, spec.pre)),
        post=tuple(map(given, spec.post)),
        sidecars=tuple(map(given, spec.sidecars)),
    )


def is_root(user: str) -> bool:
    """`user` as an image or a setting names it, "" for root."""
    return user.partition(":")[0] in ("", "0", "root")


def needs_archive(spec: TaskSpec, user: str) -> bool:
    """Whether `container_archive` must be written for a container that runs as `user`."""
    return (
        bool(spec.files)
        or workdir_of(spec) == WORKDIR
        or not is_root(user)
        or not fits_an_argument(spec, spec.entrypoint or ("sh", "-c"))
    )


def container_config(
    spec: TaskSpec,
    placement: ContainerPlacement,
    *,
    archive: bool,
    init: bool,
    settings: RuntimeSettings,
) -> dict[str, Any]:
    """The body of the engine's create call; `archive` tells whether one will be written."""
    entrypoint, cmd = _command(spec, archive)
    host = _host_config(spec, init=init) | _host_config_of(placement)
    ports = published(placement.ports) if placement.networks != ("host",) else {}
    host |= rights(settings, is_privileged=placement.privileged, is_isolated=placement.is_isolated)
    host |= {"PortBindings": ports} if ports else {}
    host |= _file_systems(host, placement, settings, archive=archive)
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{k}={v}" for k, v in _environment(spec, placement).items()],
        "Labels": labels_of(spec),
        "HostConfig": host,
    }
    optional: dict[str, Any] = {
        "Entrypoint": entrypoint,
        "Cmd": cmd,
        "User": settings.container_user,
        "WorkingDir": workdir_of(spec),
        "StopSignal": spec.stop_signal,
        "NetworkingConfig": _endpoint(placement),
        "ExposedPorts": {inside: {} for inside in ports},
    }
    return config | {key: value for key, value in optional.items() if value}


def _file_systems(
    host: Mapping[str, Any],
    placement: ContainerPlacement,
    settings: RuntimeSettings,
    *,
    archive: bool,
) -> dict[str, Any]:
    """Of the host configuration: what is added for `tmpfs` mounts and a read-only root."""
    added: dict[str, Any] = {}
    tmpfs = {**placement.tmpfs, **({} if archive else _MAKES_TORK)}
    if settings.container_read_only:
        # Files can't be written into a root that is only for reading.
        mounts = [*host.get("Mounts", ()), {"Type": "volume", "Target": TORK}]
        added = {"ReadonlyRootfs": True, "Mounts": mounts}
        if "/tmp" not in {*tmpfs, *(mount["Target"] for mount in mounts)}:  # noqa: S108 - in the container
            tmpfs["/tmp"] = f"mode=1777,size={parse_memory(settings.container_tmpfs_max)}"  # noqa: S108 - as above
    return added | ({"Tmpfs": tmpfs} if tmpfs else {})


def container_archive(spec: TaskSpec, root: str = "/") -> bytes:
    """One tar with all that the task finds in its container; any user of the image may write.

    It is for the directory `root`. Raises RuntimeRejected for files that are elsewhere.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add_folder(tar, TORK, root)
        _add(tar, posixpath.relpath(OUTPUT, root), "", 0o666)
        _add(tar, posixpath.relpath(PROGRESS, root), "", 0o666)
        if spec.run is not None:
            _add(tar, posixpath.relpath(_SCRIPT, root), spec.run, 0o555)
        _add_files(tar, spec, root)
        return _ended(tar, buffer)


def open_folder(path: str, root: str) -> bytes:
    """A tar for the directory `root` that makes the folder one that any user may write to."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add_folder(tar, path, root)
        return _ended(tar, buffer)


def _ended(tar: tarfile.TarFile, buffer: io.BytesIO) -> bytes:
    """The tar with its end mark, two empty blocks, without the zeros that usually fill up the last
    record: Podman's reader is gone after the mark, and what is then still on its way breaks the
    call ("write |1: broken pipe", containers/buildah issue 6573)."""
    end = tar.offset + 2 * tarfile.BLOCKSIZE
    tar.close()
    return buffer.getvalue()[:end]


def _command(spec: TaskSpec, archive: bool) -> tuple[list[str], list[str]]:
    """Empty lists leave the image's own."""
    if spec.run is None:
        return list(spec.entrypoint), list(spec.cmd)
    shell = list(spec.entrypoint or ("sh", "-c"))
    if archive:
        return shell, list(spec.cmd or (_SCRIPT,))
    return shell, [_WITH_REPORTS, shell[0], spec.run]


def workdir_of(spec: TaskSpec) -> str | None:
    """None leaves the image's own, which a task with files can't use: it may not be writable."""
    return spec.workdir or (WORKDIR if spec.files or _has_places_below(spec) else None)


def _has_places_below(spec: TaskSpec) -> bool:
    return any(not place.target.startswith("/") for place in spec.places)


def _environment(spec: TaskSpec, placement: ContainerPlacement) -> dict[str, str]:
    reports = {"TORK_OUTPUT": OUTPUT, "TORK_PROGRESS": PROGRESS}
    return {**spec.env, **placement.variables, **spec.directories, **reports}


def _host_config(spec: TaskSpec, *, init: bool) -> dict[str, Any]:
    host: dict[str, Any] = {
        "AutoRemove": False,  # it can lose the exit code
        # The output is read from the attached stream. A log driver would write it a second time,
        # rotate it away under a burst, and (`local`) drop a last line without a line end.
        "LogConfig": {"Type": "none"},
    }
    if init:
        host["Init"] = True
    if spec.cpus is not None:
        host["NanoCpus"] = round(spec.cpus * 1e9)
    if spec.disk_bytes is not None:
        host["StorageOpt"] = {"size": str(spec.disk_bytes)}
    if spec.memory_bytes is not None:
        host["Memory"] = host["MemorySwap"] = spec.memory_bytes  # the same: no swap on top
    return host


def _host_config_of(placement: ContainerPlacement) -> dict[str, Any]:
    host: dict[str, Any] = {"Privileged": placement.privileged}
    if placement.networks:
        host["NetworkMode"] = placement.networks[0]
    optional = {
        "Mounts": list(placement.mounts),
        "DeviceRequests": list(placement.gpus),
        # Not only by alias: not every engine has a name service in its networks.
        "ExtraHosts": [f"{name}:{address}" for name, address in placement.hosts.items()],
    }
    return host | {key: value for key, value in optional.items() if value}


def _endpoint(placement: ContainerPlacement) -> dict[str, Any]:
    if placement.alias is None:
        return {}
    return {"EndpointsConfig": {placement.networks[0]: {"Aliases": [placement.alias]}}}


def _add_files(tar: tarfile.TarFile, spec: TaskSpec, root: str) -> None:
    workdir = workdir_of(spec)
    if workdir == WORKDIR:  # a folder of the image's keeps its own mode
        _add_folder(tar, workdir, root)
    if workdir is None or not spec.files:
        return
    if posixpath.commonpath([workdir, root]) != root:
        raise RuntimeRejected(
            f"files: workdir {workdir!r} is only for reading on this worker "
            "(its setting CONVEYOR_RUNTIME_CONTAINER_READ_ONLY): leave it out"
        )
    for parent in parents_of(spec.files):
        _add_folder(tar, posixpath.join(workdir, parent), root)
    for name, text in spec.files.items():
        _add(tar, posixpath.relpath(posixpath.join(workdir, name), root), text, 0o666)


def _add_folder(tar: tarfile.TarFile, path: str, root: str) -> None:
    entry = tarfile.TarInfo(posixpath.relpath(path, root))
    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o777, int(time.time())
    tar.addfile(entry)


def _add(tar: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), mode, int(time.time())
    tar.addfile(entry, io.BytesIO(data))
