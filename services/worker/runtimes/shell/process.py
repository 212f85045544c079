"""One program of a shell task: a process group in the task's directory, an `Execution`."""

import asyncio
import os
import signal
from contextlib import AbstractAsyncContextManager

from conveyor.extensions.runtimes import (
    STOPPED,
    Archive,
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeDeclined,
)
from conveyor.extensions.tasks import Aux, TaskSpec
from services.worker.runtimes.output import outcome_with, parse_progress
from services.worker.runtimes.shell.directory import sorted_error
from services.worker.runtimes.shell.environment import (
    ShellContext,
    ShellEnvironment,
    argv_of,
    environment_of,
)
from services.worker.runtimes.shell.spawn import Command, Process, end_orphans_of

_CHUNK = 65536


class ShellProcess:
    def __init__(
        self,
        context: ShellContext,
        environment: ShellEnvironment,
        program: TaskSpec | Aux,
        log: LogSink,
        progress: ProgressSink | None = None,
    ) -> None:
        """Without `progress` it is a pre or post: nobody asks for its output either."""
        self._settings = context.settings
        self._leaders = context.leaders
        self._shell = context.shell
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
        workdir, files = self._environment.directory.workdir, self._environment.files_of(self._aux)
        argv = argv_of(self._spec, self._settings, files)
        command = Command(
            argv=argv,
            cwd=os.path.join(workdir, self._spec.workdir or ""),
            env=environment_of(self._spec, self._settings, files, workdir),
            user=self._environment.user,
            cgroup=self._environment.cgroup,
            executable=self._usual_shell(argv[0]),
        )
        try:
            self._process = Process(command, self._launcher, self._rouse)
        except (OSError, ValueError) as error:  # no such command or workdir; a NUL in an argument
            # Cleaned away while its claim waited, or by a pre.
            if not self._environment.directory.is_there:
                raise RuntimeDeclined("the task's directory was removed") from error
            raise sorted_error(f"{argv[0]!r} can't be started", error) from error
        self._leaders.add((self._spec.task_id, self._spec.dispatch), self._process.pid)
        if self._progress is not None:
            self._watch_progress(self._progress)

    def _usual_shell(self, name: str) -> str | None:
        """Where the shell is that nearly all tasks run; it isn't looked up for each of them."""
        is_usual = name == self._settings.shell_command[0] and "PATH" not in self._spec.env
        return self._shell if is_usual else None

    async def wait(self) -> Outcome:
        process = self._process
        if process is None:
            return STOPPED
        exit_code, reason = as_shells_say(await self._forward_output(process))
        self._end_orphans(process)
        cgroup = self._environment.cgroup
        if exit_code and cgroup is not None and cgroup.was_out_of_memory:
            reason = f"out of memory (limit {self._spec.memory_bytes} bytes)"
        if self._progress is None:
            return Outcome(exit_code=exit_code, output="", reason=reason)
        self._report_progress(self._progress)
        if exit_code:
            return Outcome(exit_code=exit_code, output="", reason=reason)
        limit = self._settings.output_max_bytes
        data, size = self._environment.directory.read_output(limit)
        keeps_large = self._spec.keeps_large_result
        return outcome_with(data, size, limit, keeps_large=keeps_large, reason=reason)

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        return self._environment.files.take(path)

    async def terminate(self) -> None:
        self._end_by(signal.SIGTERM)

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
            data = process.read(_CHUNK)
            if data:
                await self._log(data)
                await asyncio.sleep(0)  # a burst must not keep other tasks from their turn
            elif exit_code is not None:
                return exit_code
            else:
                # An end of the pipe before the end of the process: it closed its output, lives on.
                await self._something_happens(process, readable=data is None)

    async def _something_happens(self, process: Process, *, readable: bool) -> None:
        if process.exit_code is not None:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        if readable:
            loop.add_reader(process.output_fd, self._rouse)
        try:
            await self._wake
        finally:
            if readable:
                loop.remove_reader(process.output_fd)

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
            await self._something_happens(self._process, readable=False)
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
