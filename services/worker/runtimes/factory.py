"""The one place that knows the concrete runtimes, and asks packages for more of them."""

from collections.abc import Mapping
from typing import cast

from services.worker.runtimes.auto import AutoRuntime
from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.images import Images, read_logins
from services.worker.runtimes.containers.mounts import MOUNT_TYPES, MountType
from services.worker.runtimes.containers.runtime import ContainerRuntime
from services.worker.runtimes.protocol import Runtime, RuntimeFactory
from services.worker.runtimes.settings import BUILT_IN, RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from shared.process.extensions import Group, installed, load, refuse_taken


def make_runtime(settings: RuntimeSettings) -> Runtime:
    """Needs a running event loop. Whether the engine answers is for `check` to find out.

    Raises ValueError for a bad engine address or Docker config file, OSError for one that is named
    and can't be read, ExtensionRejected for what a package adds and can't be used.
    """
    if settings.type not in BUILT_IN:
        return cast(RuntimeFactory, load(Group.RUNTIMES, settings.type))(settings)
    if settings.type == "shell":
        return ShellRuntime(settings)
    if settings.type == "auto":
        shell = ShellRuntime(settings) if settings.shell_allowed else None
        return AutoRuntime(_containers(settings), shell)
    return _containers(settings)


def _is_podman(settings: RuntimeSettings) -> bool:
    return settings.type == "podman" or (settings.type == "auto" and settings.engine == "podman")


def _containers(settings: RuntimeSettings) -> ContainerRuntime:
    logins = read_logins(settings.docker_config)
    engine = ContainerEngine(
        settings.podman_socket if _is_podman(settings) else settings.docker_host,
        timeout_seconds=settings.engine_timeout_seconds,
        pull_seconds=settings.pull_timeout_seconds,
    )
    return ContainerRuntime(
        "podman" if _is_podman(settings) else "docker",
        engine,
        Images(engine, logins),
        settings,
        mount_types(),
    )


def mount_types() -> Mapping[str, MountType]:
    """Ours, and all that installed packages add: which one is used is for the jobs to say.

    Raises ExtensionRejected.
    """
    refuse_taken(Group.MOUNTS, MOUNT_TYPES)
    names = installed(Group.MOUNTS)
    return {**MOUNT_TYPES, **{name: cast(MountType, load(Group.MOUNTS, name)) for name in names}}
