"""The one place that knows the concrete runtimes, and asks packages for more of them."""

from typing import cast

from services.worker.runtimes.auto import AutoRuntime
from services.worker.runtimes.protocol import Runtime, RuntimeFactory
from services.worker.runtimes.settings import BUILT_IN, RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from shared.process.extensions import Group, load


def make_runtime(settings: RuntimeSettings) -> Runtime:
    """Needs a running event loop. Whether the engine answers is for `check` to find out.

    Raises ValueError for a bad engine address or Docker config file, OSError for one that is named
    and can't be read, ExtensionRejected for what a package adds and can't be used.
    """
    if settings.type not in BUILT_IN:
        return cast(RuntimeFactory, load(Group.RUNTIMES, settings.type))(settings)
    if settings.type == "shell":
        return ShellRuntime(settings)
    # Here: a worker that runs shell tasks alone does without an engine's client.
    from services.worker.runtimes.containers.runtime import make_container_runtime

    if settings.type == "auto":
        shell = ShellRuntime(settings) if settings.shell_allowed else None
        return AutoRuntime(make_container_runtime(settings), shell)
    return make_container_runtime(settings)
