"""The `auto` runtime: a task with an image goes to the engine, one without to the shell."""

from collections.abc import Callable

from services.worker.runtimes.protocol import (
    Execution,
    LogSink,
    ProgressSink,
    Runtime,
    RuntimeRejected,
    RuntimeUnavailable,
    TaskSpec,
)


class AutoRuntime:
    name = "auto"

    def __init__(self, containers: Runtime | None, shell: Runtime | None) -> None:
        """`containers` is None when there is no engine, `shell` when the operator forbids it."""
        self._containers = containers
        self._shell = shell

    async def check(self) -> None:
        """With a shell to fall back on, an engine that is away is no reason to be down."""
        if self._shell is None:
            await self._engine().check()

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        """Raises RuntimeRejected or RuntimeUnavailable when nothing here can run the task."""
        if spec.image is not None:
            return self._engine().execution(spec, log, progress)
        if self._shell is None:
            raise RuntimeRejected(
                "a task without an image runs in the shell, which this worker doesn't allow: "
                "name an image, or set shell_allowed"
            )
        return self._shell.execution(spec, log, progress)

    async def reap(self, is_abandoned: Callable[[str], bool]) -> int:
        return sum([await r.reap(is_abandoned) for r in self._present()])

    async def close(self) -> None:
        for runtime in self._present():
            await runtime.close()

    def _engine(self) -> Runtime:
        if self._containers is None:
            raise RuntimeUnavailable("no container engine within reach of this worker")
        return self._containers

    def _present(self) -> list[Runtime]:
        return [r for r in (self._containers, self._shell) if r is not None]
