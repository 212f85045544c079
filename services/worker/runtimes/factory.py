"""The one place that knows the concrete runtimes, and asks packages for more of them.

With `auto`, a task with an image goes to the engine, one without to the shell. A task with `wasm`
or `builtin` goes to the runtime for that, which is beside whatever runs the others.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain
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
from services.worker.runtimes.builtin.runtime import BuiltinRuntime
from services.worker.runtimes.settings import BUILT_IN, RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from services.worker.runtimes.wasm.runtime import WasmRuntime, wasmtime_packages
from shared.process.extensions import Group, load

_ENGINE_PATIENCE_SECONDS = 5.0


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
        self._containers = self.keeping = containers
        self._shell = shell
        self._default_image = default_image
        self.was_reached = False

    async def check(self) -> None:
        """With a shell to fall back on, an engine that is away is no reason to be down."""
        await (self._containers if self._shell is None else self._shell).check()

    @property
    def has_shell(self) -> bool:
        return self._shell is not None

    async def engines(self) -> tuple[str, ...]:
        """Those that answer now: an engine that is away runs nothing that is placed here."""
        shell = () if self._shell is None else (self._shell.name,)
        try:
            async with asyncio.timeout(_ENGINE_PATIENCE_SECONDS):
                await self._containers.check()
        except (RuntimeUnavailable, TimeoutError):  # that is what was asked
            return shell
        return (self._containers.name, *shell)

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


class WithPrograms:
    """A runtime, and beside it those of built-in programs and of WebAssembly modules."""

    def __init__(
        self, others: Runtime, builtin: BuiltinRuntime, wasm: WasmRuntime | str, shell: Runtime
    ) -> None:
        """`wasm` may be the reason why no module runs. `shell` keeps house for their processes,
        unless `others` does."""
        self.others = self.keeping = others
        self.wasm = wasm
        self._builtin = builtin
        shares_processes = isinstance(others, ShellRuntime) or (
            isinstance(others, AutoRuntime) and others.has_shell
        )
        self._housekeepers = (others,) if shares_processes else (shell, others)
        self.name, self.check = others.name, others.check

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        if spec.builtin is not None:
            return self._builtin.execution(spec, log, progress)
        if spec.wasm is None:
            return self.others.execution(spec, log, progress)
        if isinstance(self.wasm, str):
            return RejectedExecution(f"wasm: {self.wasm}")
        return self.wasm.execution(spec, log, progress)

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator] | None:
        of_each = [each.terminators(node_id, on_process) for each in self._housekeepers]
        known = [each for each in of_each if each is not None]
        return tuple(chain(*known)) if len(known) == len(of_each) else None

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        return sum([await each.reap(is_left) for each in self._housekeepers])

    async def remove_earlier(self, spec: TaskSpec) -> int:
        is_program = spec.builtin is not None or spec.wasm is not None
        return await (self._builtin if is_program else self.others).remove_earlier(spec)

    async def close(self) -> None:
        self._builtin.close()
        if isinstance(self.wasm, WasmRuntime):
            self.wasm.close()
        for each in self._housekeepers:
            await each.close()


async def engines_of(runtime: Runtime, *, is_up: bool) -> tuple[str, ...]:
    """What of `docker`, `podman`, `shell`, `builtin` and `wasm` it can run tasks on now, or its own
    name, if it is a package's. `is_up`: its last `check` went well."""
    match runtime:
        case WithPrograms():
            wasm = () if isinstance(runtime.wasm, str) else ("wasm",)
            return *await engines_of(runtime.others, is_up=is_up), "builtin", *wasm
        case AutoRuntime():
            return await runtime.engines()
        case _:
            return (runtime.name,) if is_up else ()


def make_runtime(settings: RuntimeSettings) -> Runtime:
    """Needs a running event loop. Whether the engine answers is for `check` to find out.

    Raises ValueError for a bad engine address or Docker config file, OSError for one that is named
    and can't be read, ExtensionRejected for what a package adds and can't be used.
    """
    if settings.type not in BUILT_IN:
        return cast(RuntimeFactory, load(Group.RUNTIMES, settings.type))(settings)
    has_shell = settings.type == "shell" or (settings.type == "auto" and settings.shell_allowed)
    shell = ShellRuntime(settings) if has_shell else None
    if shell is not None:
        shell.log_choice()
    processes = shell or ShellRuntime(settings)
    builtin, wasm = BuiltinRuntime(processes), _wasm(settings, processes)
    return WithPrograms(_others(settings, shell), builtin, wasm, processes)


def _wasm(settings: RuntimeSettings, processes: ShellRuntime) -> WasmRuntime | str:
    """Or why there is none."""
    if not settings.wasm_allowed:
        return "CONVEYOR_RUNTIME_WASM_ALLOWED of this worker is false"
    if (packages := wasmtime_packages()) is None:
        return "this worker has no package wasmtime for its machine"
    return WasmRuntime(processes, packages)


def _others(settings: RuntimeSettings, shell: ShellRuntime | None) -> Runtime:
    if shell is not None and settings.type == "shell":
        return shell
    # Here: a worker that runs shell tasks alone does without an engine's client.
    from services.worker.runtimes.containers.runtime import make_container_runtime

    containers = make_container_runtime(settings)
    if settings.type == "auto":
        return AutoRuntime(containers, shell, settings.default_image)
    return containers
