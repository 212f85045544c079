"""The mount types of our own: what each makes of a task's mount, and who may have it."""

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from conveyor.extensions.mounts import MountContext, MountPoint, MountType
from conveyor.extensions.runtimes import OperatorSettings, RuntimeRejected
from conveyor.extensions.tasks import Mount
from services.worker.runtimes.containers.engine_calls import Json
from shared.definition.quantities import parse_memory

_PATH = re.compile(r"/[\w/.@+=, -]*", re.ASCII)
_OURS = "/tork"
_TMPFS_OPTIONS = ("size", "mode", "uid", "gid", "nr_inodes")
_TMPFS_VALUE = re.compile(r"[0-9]+[kKmMgG%]?")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_YES_OR_NO = {"true": True, "false": False}


async def volume(mount: Mount, context: MountContext) -> MountPoint:
    """A fresh, empty volume. `opts` may make it one in memory: {type: tmpfs, device: tmpfs, o}."""
    if mount.source:
        raise _refused(mount, "source", "must not be set: a volume is made for the task alone")
    name = await context.new_volume(_volume_options(mount, context.settings))
    return MountPoint(mounts=({"Type": "volume", "Source": name, "Target": mount.target},))


async def bind(mount: Mount, context: MountContext) -> MountPoint:
    """A directory or file of the engine's machine. `opts`: {readonly: "true"}."""
    source = _allowed_source(mount, context.settings)
    _check_options(mount, ["readonly"])
    readonly = _YES_OR_NO.get(mount.opts.get("readonly", "false"))
    if readonly is None:
        raise _refused(mount, "opts.readonly", "must be true or false")
    _make_source(mount, source)
    entry: Json = {
        "Type": "bind",
        "Source": source,
        "Target": mount.target,
        "ReadOnly": readonly,
        # For an engine whose files this worker doesn't see; older ones pass over it.
        "BindOptions": {"CreateMountpoint": True},
    }
    return MountPoint(mounts=(entry,), sources=(source,))


def _make_source(mount: Mount, source: str) -> None:
    """A directory, where nothing is yet: in an allowed place, as it was looked at before."""
    try:
        os.makedirs(source, exist_ok=True)
    except FileExistsError:  # a file, which can be mounted as well
        return
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refused(mount, "source", f"is not there and can't be made: {reason}") from error


def check_sources(sources: Iterable[str]) -> None:
    """Raises RuntimeRejected.

    The engine follows links when it starts a container, long after the source was looked at: an
    image may have been pulled meanwhile, a pre task run, another task have put a link in its place.
    What is left between this look and the engine's is a moment.
    """
    for source in sources:
        if os.path.realpath(source) != source:
            raise RuntimeRejected(
                f"mount of {source!r}: it is not what it was: there is a link now"
            )


async def tmpfs(mount: Mount, context: MountContext) -> MountPoint:
    """Memory of this container alone. `opts`: size, mode, uid, gid, nr_inodes."""
    if mount.source:
        raise _refused(mount, "source", "must not be set for memory")
    return MountPoint(tmpfs={mount.target: _tmpfs_options(mount, mount.opts, context.settings)})


MOUNT_TYPES: Mapping[str, MountType] = {"volume": volume, "bind": bind, "tmpfs": tmpfs}


async def make_mounts(
    mounts: Iterable[Mount], context: MountContext, types: Mapping[str, MountType]
) -> list[MountPoint]:
    """Raises RuntimeRejected naming mount, value and rule; what was made by then stays made."""
    points, targets = [], set[str]()
    for mount in mounts:
        if mount.type not in types:
            known = ", ".join(sorted(types))
            raise RuntimeRejected(f"mount type {mount.type!r} is not one of: {known}")
        target = _checked_target(mount)
        if target in targets:
            raise _refused(mount, "target", "is mounted twice")
        targets.add(target)
        points.append(await types[mount.type](replace(mount, target=target), context))
    return points


def _checked_target(mount: Mount) -> str:
    _check_path(mount, "target", mount.target)
    target = posixpath.normpath("/" + mount.target.lstrip("/"))  # two leading ones would stay
    if target == "/" or is_in(target, _OURS):
        raise _refused(mount, "target", f"must not be / nor {_OURS} or below it")
    return target


def _allowed_source(mount: Mount, settings: OperatorSettings) -> str:
    """The source with its links followed: that is what is mounted, so none can escape."""
    if not settings.bind_allowed:
        raise RuntimeRejected(
            f"mount of {mount.source!r}: this worker allows no bind mounts "
            "(its setting CONVEYOR_RUNTIME_BIND_ALLOWED)"
        )
    _check_path(mount, "source", mount.source)
    source = os.path.realpath(mount.source)
    if not any(is_in(source, os.path.realpath(each)) for each in settings.bind_sources):
        raise _refused(mount, "source", "is in none of the worker's CONVEYOR_RUNTIME_BIND_SOURCES")
    return source


def _check_path(mount: Mount, field_name: str, path: str) -> None:
    if not path:
        raise RuntimeRejected(f"mount of type {mount.type}: {field_name} is required")
    if not _PATH.fullmatch(path):
        rule = "must be an absolute path of letters, digits, spaces and . _ - @ + = ,"
        raise _refused(mount, field_name, rule)
    if ".." in path.split("/"):
        raise _refused(mount, field_name, "must not hold ..")


def is_in(path: str, folder: str) -> bool:
    return posixpath.commonpath([path, folder]) == folder


def _volume_options(mount: Mount, settings: OperatorSettings) -> dict[str, str]:
    """Nothing else may reach the engine's driver: it would mount any directory or device."""
    if not mount.opts:
        return {}
    _check_options(mount, ["type", "device", "o"])
    if (mount.opts.get("type"), mount.opts.get("device")) != ("tmpfs", "tmpfs"):
        raise _refused(mount, "opts", "a volume's type and device may only be tmpfs")
    given = dict(part.partition("=")[::2] for part in mount.opts.get("o", "").split(",") if part)
    return {"type": "tmpfs", "device": "tmpfs", "o": _tmpfs_options(mount, given, settings)}


def _tmpfs_options(mount: Mount, given: Mapping[str, str], settings: OperatorSettings) -> str:
    for name, value in given.items():
        if name not in _TMPFS_OPTIONS:
            raise _refused(mount, f"opts.{name}", f"is not one of: {', '.join(_TMPFS_OPTIONS)}")
        if not _TMPFS_VALUE.fullmatch(value):
            raise _refused(mount, f"opts.{name}", "must be a number, such as 64m")
    size, most = given.get("size"), parse_memory(settings.container_tmpfs_max)
    if size is not None and not 0 < _bytes_of(size) <= most:
        raise RuntimeRejected(
            f"mount of type {mount.type}: size {size!r} must be at most "
            f"{settings.container_tmpfs_max} (its setting CONVEYOR_RUNTIME_CONTAINER_TMPFS_MAX)"
        )
    bounded = dict(given)
    # Podman takes the size of a volume for a quota, which few file systems have.
    if mount.type != "volume" or not settings.is_podman:
        bounded.setdefault("size", str(most))
    if mount.type == "volume":  # an image's user must be able to write to it
        bounded.setdefault("mode", "1777")
    return ",".join(f"{name}={value}" for name, value in bounded.items())


def _bytes_of(size: str) -> int:
    if size.endswith("%"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return memory * int(size.removesuffix("%")) // 100
    return int(size[:-1]) * _UNITS[size[-1].lower()] if size[-1].isalpha() else int(size)


def _check_options(mount: Mount, known: list[str]) -> None:
    for name in mount.opts:
        if name not in known:
            raise _refused(mount, f"opts.{name}", f"is not one of: {', '.join(known)}")


def _refused(mount: Mount, field_name: str, rule: str) -> RuntimeRejected:
    part, _, key = field_name.partition(".")
    value = mount.opts.get(key) if key else getattr(mount, part)
    return RuntimeRejected(f"mount of type {mount.type}: {field_name} {value!r} {rule}")
