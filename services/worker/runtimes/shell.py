"""The shell runtime: a task is a process group on this machine, in a directory of its own.

CPU and memory limits are not enforced here: an address-space limit breaks programs that reserve
more than they use, and cgroups need rights a worker doesn't have. Use containers for limits.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.worker.runtimes.orphans import adopt_orphans, end_orphans_of, end_processes_of
from services.worker.runtimes.progress import parse_progress
from services.worker.runtimes.protocol import (
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeRejected,
    RuntimeUnavailable,
    TaskSpec,
)
from services.worker.runtimes.script import fits_an_argument
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell_command import argv_of, check_spec, environment_of
from services.worker.runtimes.spawn import Command, Process
from services.worker.runtimes.task_directory import PREFIX, TaskDirectory, node_of

_CHUNK = 65536
_STOPPED = Outcome(exit_code=-9, output="", reason="stopped before it started")


class ShellRuntime:
    name = "shell"

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        self._leaders: set[int] = set()
        adopt_orphans()

    async def check(self) -> None:
        """Always there."""

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> "ShellExecution":
        return ShellExecution(self._settings, self._leaders, spec, log, progress)

    async def reap(self, is_abandoned: Callable[[str], bool]) -> int:
        return await asyncio.to_thread(self._reap, is_abandoned)

    async def close(self) -> None:
        """Nothing is kept open between tasks."""

    def _reap(self, is_abandoned: Callable[[str], bool]) -> int:
        root = Path(self._settings.shell_workdir_root or tempfile.gettempdir())
        left = [d for d in root.glob(f"{PREFIX}.*") if is_abandoned(node_of(d) or "")]
        for directory in left:
            end_processes_of(str(directory))
            TaskDirectory.remove_leftover(directory)
        return len(left)


class ShellExecution:
    def __init__(
        self,
        settings: RuntimeSettings,
        leaders: set[int],
        spec: TaskSpec,
        log: LogSink,
        progress: ProgressSink,
    ) -> None:
        """`leaders` holds the process of every running task of this runtime."""
        self._settings = settings
        self._leaders = leaders
        self._spec = spec
        self._log = log
        self._progress = progress
        self._reported: float | None = None
        self._directory: TaskDirectory | None = None
        self._process: Process | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.Future[None] | None = None
        self._stopped = False

    async def prepare(self) -> None:
        check_spec(self._spec)
        spec, settings = self._spec, self._settings
        try:
            directory = TaskDirectory(settings.shell_workdir_root, spec.node_id, spec.task_id)
        except OSError as error:  # full or read-only disk: another worker may do better
            raise RuntimeUnavailable(f"no directory for the task: {error}") from error
        self._directory = directory
        try:
            shell = spec.entrypoint or settings.shell_command
            script = None if fits_an_argument(spec, shell) else spec.run
            directory.write(spec.files, script)
            directory.give_to(settings.shell_uid, settings.shell_gid)
        except OSError as error:  # a name too long, one file inside another
            raise RuntimeRejected(f"the task's files can't be written: {error}") from error

    async def start(self) -> None:
        if self._stopped:
            return
        directory = self._ready()
        argv = argv_of(self._spec, self._settings, directory)
        command = Command(
            argv=argv,
            cwd=os.path.join(directory.workdir, self._spec.workdir or ""),
            env=environment_of(self._spec, self._settings, directory),
            uid=self._settings.shell_uid,
            gid=self._settings.shell_gid,
        )
        try:
            self._process = Process(command, self._rouse)
        except (OSError, ValueError) as error:  # no such command or workdir; a NUL in an argument
            raise RuntimeRejected(f"{argv[0]!r} can't be started: {error}") from error
        self._leaders.add(self._process.pid)
        self._watch_progress()

    async def wait(self) -> Outcome:
        process = self._process
        if process is None:
            return _STOPPED
        exit_code = await self._forward_output(process)
        self._end_orphans(process)
        self._report_progress()
        return Outcome(exit_code=exit_code, output=await self._output())

    async def stop(self) -> None:
        self._stopped = True
        if self._process is not None and self._process.exit_code is None:
            self._process.kill_group()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._end_process()
        if self._directory is not None:
            # What can't be removed (a mount, a file made immutable) is the reaper's.
            with contextlib.suppress(OSError):
                self._directory.remove()
            self._directory = None

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

    def _watch_progress(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._settings.shell_progress_seconds, self._look_again)

    def _look_again(self) -> None:
        if self._process is not None and self._process.exit_code is None:
            self._report_progress()
            self._watch_progress()

    def _report_progress(self) -> None:
        value = parse_progress(self._ready().read_progress())
        if value is not None and value != self._reported:
            self._reported = value
            self._progress(value)

    async def _output(self) -> str:
        limit = self._settings.output_max_bytes
        data, size = self._ready().read_output(limit)
        if size > limit:
            note = f"conveyor: $TORK_OUTPUT is {size} bytes, only the first {limit} are kept\n"
            await self._log(note.encode())
        return data.decode(errors="replace")

    async def _end_process(self) -> None:
        """A task that was given up between start and the end of wait."""
        if self._process is None:
            return
        if self._process.exit_code is None:
            self._process.kill_group()
        while self._process.exit_code is None:
            await self._something_happens(self._process, readable=False)
        self._end_orphans(self._process)
        self._process.close()
        self._process = None

    def _end_orphans(self, process: Process) -> None:
        if process.pid in self._leaders:  # once: afterwards the number may be somebody else's
            self._leaders.discard(process.pid)
            end_orphans_of(self._ready().path, process.pid, self._leaders)

    def _ready(self) -> TaskDirectory:
        if self._directory is None:
            raise RuntimeError("prepare comes first")
        return self._directory
