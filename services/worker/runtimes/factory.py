"""The one place that knows the concrete runtimes, and asks packages for more of them.

With `auto`, a task with an image goes to the engine, one without to the shell.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import cast

from conveyor.extensions.runtimes import (
    Archive,
    Execution,
    Leftover,
    LogSink,
    Outcome,
    ProcessSink,
    ProgressSink,
    Runtime,
    RuntimeDeclined,
    RuntimeFactory,
    RuntimeRejected,
    RuntimeUnavailable,
)
from conveyor.extensions.tasks import TaskSpec
from conveyor.extensions.terminators import Terminator
from services.worker.runtimes.settings import BUILT_IN, RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from shared.process.extensions import Group, load


class RejectedExecution:
    """A task that nothing here may run: it is rejected when its turn to prepare comes."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def prepare(self) -> None:
        raise RuntimeRejected(self._reason)

    async def bring(self, target: str, archive: Archive) -> None:
        raise RuntimeRejected(self._reason)

    async def start(self) -> None:
        raise RuntimeRejected(self._reason)

    async def wait(self) -> Outcome:
        raise RuntimeRejected(self._reason)

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        raise RuntimeRejected(self._reason)

    async def terminate(self) -> None: ...

    async def stop(self) -> None: ...

    async def close(self) -> None: ...


class _OnEngine:
    """A container task where there may be no engine at all.

    An engine that was there once will come back, and the task waits for it elsewhere. One that
    never was is no reason to hand the task round for ever: it is rejected.
    """

    def __init__(self, runtime: "AutoRuntime", execution: Execution, image: str) -> None:
        self._runtime = runtime
        self._image = image
        self.start, self.wait = execution.start, execution.wait
        self.bring, self.take = execution.bring, execution.take
        self.terminate, self.stop = execution.terminate, execution.stop
        self.close = execution.close
        self._prepare = execution.prepare

    async def prepare(self) -> None:
        try:
            await self._prepare()
        except RuntimeDeclined:
            self._runtime.was_reached = True
            raise
        except RuntimeUnavailable as error:
            if self._runtime.was_reached:
                raise
            raise RuntimeRejected(
                f"image {self._image!r}: this worker has no container engine within reach ({error})"
            ) from error
        self._runtime.was_reached = True


class AutoRuntime:
    name = "auto"

    def __init__(
        self, containers: Runtime, shell: ShellRuntime | None, default_image: str | None
    ) -> None:
        """`shell` is None when the operator forbids it."""
        self._containers = containers
        self._shell = shell
        self._default_image = default_image
        self.was_reached = False

    async def check(self) -> None:
        """With a shell to fall back on, an engine that is away is no reason to be down."""
        await (self._containers if self._shell is None else self._shell).check()

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        if self._has_container(spec):
            execution = self._containers.execution(spec, log, progress)
            return execution if self._shell is None else _OnEngine(self, execution, str(spec.image))
        if self._shell is None:
            return RejectedExecution(
                "a task without an image runs in the shell, which this worker doesn't allow: "
                "name an image, or set CONVEYOR_RUNTIME_SHELL_ALLOWED or "
                "CONVEYOR_RUNTIME_DEFAULT_IMAGE on the worker"
            )
        return self._shell.execution(spec, log, progress)

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator] | None:
        of_containers = self._containers.terminators(node_id, on_process)
        if of_containers is None or self._shell is None:
            return of_containers
        return *of_containers, *self._shell.terminators(node_id, on_process)

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        removed = 0 if self._shell is None else await self._shell.reap(is_left)
        return removed + await self._containers.reap(is_left)

    async def remove_earlier(self, spec: TaskSpec) -> int:
        if self._has_container(spec):
            return await self._containers.remove_earlier(spec)
        return 0 if self._shell is None else await self._shell.remove_earlier(spec)

    def _has_container(self, spec: TaskSpec) -> bool:
        return spec.image is not None or (self._shell is None and self._default_image is not None)

    async def close(self) -> None:
        await self._containers.close()
        if self._shell is not None:
            await self._shell.close()


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
        return AutoRuntime(make_container_runtime(settings), shell, settings.default_image)
    return make_container_runtime(settings)
