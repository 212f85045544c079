"""One program of a shell task: a process group in the task's directory, an `Execution`."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from conveyor.extensions.runtimes import (
    STOPPED,
    Archive,
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeDeclined,
)
from conveyor.extensions.tasks import Aux, TaskSpec
from services.worker.runtimes.output import outcome_with, over_memory, parse_progress
from services.worker.runtimes.shell.cgroups import Cgroup
from services.worker.runtimes.shell.directory import TaskDirectory, sorted_error
from services.worker.runtimes.shell.environment import ShellContext
from services.worker.runtimes.shell.rights import User
from services.worker.runtimes.shell.spawn import Command, Process, end_orphans_of

_CHUNK = 65536


class ProcessEnvironment(Protocol):
    """What a process runs in, once that is prepared."""

    user: User
    cgroup: Cgroup | None

    @property
    def directory(self) -> TaskDirectory: ...
    def command(self, aux: Aux | None) -> Command:
        """Of a pre or post, or of the task's own program."""
        ...

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        """As `Execution` has it."""
        ...


class ShellProcess:
    def __init__(
        self,
        context: ShellContext,
        environment: ProcessEnvironment,
        program: TaskSpec | Aux,
        log: LogSink,
        progress: ProgressSink | None = None,
    ) -> None:
        """Without `progress` it is a pre or post: nobody asks for its output either."""
        self._settings = context.settings
        self._leaders = context.leaders
        self._launcher = context.launcher
        self._environment = environment
        self._aux = program if isinstance(program, Aux) else None
        self._spec = program.program if isinstance(program, Aux) else program
        self._log = log
        self._progress = progress
        self._reported: float | None = None
        self._process: Process | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.Future[None] | None = None
        self._stopped = False

    async def prepare(self) -> None:
        """All that it needs was made with its environment."""

    async def start(self) -> None:
        if self._stopped:
            return
        command = self._environment.command(self._aux)
        try:
            self._process = Process(command, self._launcher, self._rouse)
        except (OSError, ValueError) as error:  # no such command or workdir; a NUL in an argument
            # Cleaned away while its claim waited, or by a pre.
            if not self._environment.directory.is_there:
                raise RuntimeDeclined("the task's directory was removed") from error
            raise sorted_error(f"{command.argv[0]!r} can't be started", error) from error
        self._leaders.add((self._spec.task_id, self._spec.dispatch), self._process.pid)
        if self._progress is not None:
            self._watch_progress(self._progress)

    async def wait(self) -> Outcome:
        process = self._process
        if process is None:
            return STOPPED
        exit_code, signalled = as_shells_say(await self._forward_output(process))
        self._end_orphans(process)
        is_expected = self._spec.succeeds_with(exit_code)
        reason = None if is_expected else signalled
        cgroup = self._environment.cgroup
        is_over = bool(exit_code) and cgroup is not None and cgroup.was_out_of_memory
        if is_over:
            reason = over_memory(self._spec.memory_bytes or 0)
        ended = Outcome(
            exit_code=exit_code,
            output="",
            reason=reason,
            is_expected=is_expected,
            is_out_of_memory=is_over,
        )
        if self._progress is None:
            return ended
        self._report_progress(self._progress)
        if not is_expected:
            return ended
        limit = self._settings.output_max_bytes
        data, size = self._environment.directory.read_output(limit)
        keeps_large = self._spec.keeps_large_result
        return outcome_with(
            *(data, size, limit), keeps_large=keeps_large, exit_code=exit_code, reason=reason
        )

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        return self._environment.take(path)

    async def terminate(self) -> None:
        self._end_by(signal.Signals[self._spec.stop_signal or "SIGTERM"])

    async def stop(self) -> None:
        self._end_by(signal.SIGKILL)

    def _end_by(self, how: signal.Signals) -> None:
        self._stopped = True
        if self._process is not None and self._process.exit_code is None:
            self._process.signal_group(how)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._end_process()

    async def _forward_output(self, process: Process) -> int:
        """Until the process has ended and the pipe is empty; its exit code.

        Not until the pipe is closed: a process that fled its group may hold it open for ever.
        """
        while True:
            exit_code = process.exit_code  # before the read: what it wrote is in the pipe by then
            found = process.read(_CHUNK)
            if found is not None:
                if self._spec.on_output is not None:
                    self._spec.on_output(*found)
                stream, data = found
                await self._log(data, stream)
                await asyncio.sleep(0)  # a burst must not keep other tasks from their turn
            elif exit_code is not None:
                return exit_code
            else:
                # A process may close its output and live on.
                await self._something_happens(process, process.open_outputs)

    async def _something_happens(self, process: Process, outputs: Sequence[int] = ()) -> None:
        if process.exit_code is not None:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        for output in outputs:
            loop.add_reader(output, self._rouse)
        try:
            await self._wake
        finally:
            for output in outputs:
                loop.remove_reader(output)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _watch_progress(self, progress: ProgressSink) -> None:
        self._timer = asyncio.get_running_loop().call_later(
            self._settings.shell_progress_seconds, self._look_again, progress
        )

    def _look_again(self, progress: ProgressSink) -> None:
        if self._process is not None and self._process.exit_code is None:
            self._report_progress(progress)
            self._watch_progress(progress)

    def _report_progress(self, progress: ProgressSink) -> None:
        value = parse_progress(self._environment.directory.read_progress())
        if value is not None and value != self._reported:
            self._reported = value
            progress(value)

    async def _end_process(self) -> None:
        """A task that was given up between start and the end of wait."""
        if self._process is None:
            return
        if self._process.exit_code is None:
            self._process.signal_group(signal.SIGKILL)
        while self._process.exit_code is None:
            await self._something_happens(self._process)
        self._end_orphans(self._process)
        self._process.close()
        self._process = None

    def _end_orphans(self, process: Process) -> None:
        if process.pid in self._leaders:  # once: afterwards the number may be somebody else's
            self._leaders.discard(process.pid)
            environment = self._environment
            end_orphans_of(environment.directory.path, process.pid, self._leaders, environment.user)


def as_shells_say(exit_code: int) -> tuple[int, str | None]:
    """A process's exit code, negative for a signal, as job files name it; and what ended it."""
    if exit_code >= 0:
        return exit_code, None
    number = -exit_code
    known = {each.value: each.name for each in signal.Signals}
    return 128 + number, f"ended by {known.get(number, f'signal {number}')}"
