"""The one place that knows the concrete runtimes."""

from services.worker.runtimes.auto import AutoRuntime
from services.worker.runtimes.containers import ContainerRuntime
from services.worker.runtimes.engine import Engine
from services.worker.runtimes.engine_calls import connect
from services.worker.runtimes.images import Images
from services.worker.runtimes.protocol import Runtime
from services.worker.runtimes.registry_auth import read_logins
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell import ShellRuntime


def make_runtime(settings: RuntimeSettings) -> Runtime:
    """Needs a running event loop. Whether the engine answers is for `check` to find out.

    Raises ValueError for a bad engine address or Docker config file, OSError for one that is named
    and can't be read.
    """
    if settings.type == "shell":
        return ShellRuntime(settings)
    if settings.type == "auto":
        shell = ShellRuntime(settings) if settings.shell_allowed else None
        return AutoRuntime(_containers(settings, settings.engine == "podman"), shell)
    return _containers(settings, settings.type == "podman")


def _containers(settings: RuntimeSettings, podman: bool) -> ContainerRuntime:
    logins = read_logins(settings.docker_config)
    engine = Engine(
        connect(settings.podman_socket if podman else settings.docker_host),
        timeout_seconds=settings.engine_timeout_seconds,
        pull_seconds=settings.pull_timeout_seconds,
    )
    return ContainerRuntime(
        "podman" if podman else "docker", engine, Images(engine, logins), settings
    )
