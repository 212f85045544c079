"""The runtime `echo`, a dry run: a task writes its script to its log, and that is its result."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from conveyor.extensions.runtimes import (
    STOPPED,
    Archive,
    Leftover,
    LogSink,
    OperatorSettings,
    Outcome,
    ProcessSink,
    ProgressSink,
    RuntimeRejected,
)
from conveyor.extensions.tasks import TaskSpec
from conveyor.extensions.terminators import Terminator


class EchoRuntime:
    name = "echo"

    def __init__(self, settings: OperatorSettings) -> None:
        """`settings` are those of the operator, CONVEYOR_RUNTIME_…; none matters here."""

    async def check(self) -> None:
        """There is nothing that could be away."""

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> "EchoExecution":
        return EchoExecution(spec, log)

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator]:
        return ()  # nothing of a task is outside of the worker's own process

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        return 0  # nothing is ever left behind

    async def remove_earlier(self, spec: TaskSpec) -> int:
        return 0  # as above

    async def close(self) -> None:
        """Nothing is open."""


class EchoExecution:
    def __init__(self, spec: TaskSpec, log: LogSink) -> None:
        self._spec = spec
        self._log = log
        self._is_stopped = False

    async def prepare(self) -> None:
        if self._spec.run is None:
            raise RuntimeRejected("run is missing: the echo runtime has nothing to write")
        if self._spec.places:
            raise RuntimeRejected("sources: the echo runtime has no files")

    async def bring(self, target: str, archive: Archive) -> None:
        """Never called: such a task was rejected."""

    async def start(self) -> None:
        """All is done in `wait`."""

    async def wait(self) -> Outcome:
        if self._is_stopped:
            return STOPPED
        script = self._spec.run or ""
        await self._log(script.encode())
        return Outcome(exit_code=0, output=script)

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        raise RuntimeRejected(f"path {path!r}: the echo runtime has no files")

    async def terminate(self) -> None:
        self._is_stopped = True

    async def stop(self) -> None:
        self._is_stopped = True

    async def close(self) -> None:
        """Nothing was made."""
