"""A task whose working directory is the root of what its program sees: `/a` is `a` in it."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from conveyor.extensions.runtimes import (
    RESULT,
    STOPPED,
    Archive,
    Execution,
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeUnavailable,
)
from conveyor.extensions.tasks import Aux, Place, TaskSpec
from services.worker.runtimes.shell.directory import (
    WORKDIR,
    PartFiles,
    TaskDirectory,
    sorted_error,
)
from services.worker.runtimes.shell.environment import OwnDirectory
from services.worker.runtimes.shell.files import TaskFiles
from services.worker.runtimes.shell.process import ShellProcess
from services.worker.runtimes.shell.runtime import ShellRuntime
from services.worker.runtimes.shell.spawn import Command
from services.worker.runtimes.shell.trees import make_way
from services.worker.runtimes.stages import StagedExecution

REPORTS = "tork"
"""The directory of what a task reports, beside its working directory."""


class RootedDirectory(OwnDirectory, ABC):
    @abstractmethod
    async def prepare(self) -> None:
        """Raises RuntimeRejected, RuntimeUnavailable."""

    @abstractmethod
    def command(self, aux: Aux | None) -> Command:
        """As for `ProcessEnvironment`."""

    async def bring(self, target: str, archive: Archive) -> None:
        await self.files.bring(self._in_root(target), archive)

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        return self.files.take(path if path == RESULT else self._in_root(path))

    async def complete(self) -> None:
        if self._spec.places:
            await self.files.complete()

    def _make(
        self, places: Iterable[Place], description: str, described: Callable[[], str]
    ) -> TaskDirectory:
        """The directory with the task's files and places, and the file `description` out of its
        program's reach. Raises RuntimeRejected, RuntimeUnavailable."""
        spec = self._spec
        try:
            root = self._context.settings.shell_workdir_root
            directory = self._directory = TaskDirectory(root, spec, REPORTS)
        except OSError as error:  # full or read-only disk: another worker may do better
            raise RuntimeUnavailable(f"no directory for the task: {error}") from error
        inner = tuple(replace(each, target=self._in_root(each.target)) for each in places)
        self._files = TaskFiles(directory, replace(spec, places=inner, workdir=None))
        try:
            directory.write({self._in_root(name): text for name, text in spec.files.items()})
            make_way(directory.fd, [WORKDIR, *filter(None, self._in_root("").split("/"))])
            self._files.make_places()
            directory.write_reports(PartFiles(directory.path, f"{REPORTS}/"))
            directory.write_text(description, described())
            self._files.user = self.user = self._context.users.take()
            directory.give_to(self.user.uid, self.user.gid)
        except OSError as error:  # a name too long, one file inside another; a full disk
            raise sorted_error("the task's files can't be written", error) from error
        return directory

    async def _remove(self, directory: TaskDirectory) -> None:
        os.close(directory.fd)
        await super()._remove(directory)

    def _in_root(self, path: str) -> str:
        """Relative to the root."""
        joined = path if path.startswith("/") else f"{self._spec.workdir or ''}/{path}"
        return joined.strip("/")


Explain = Callable[[Outcome], Outcome]
"""The end of a program that failed with what it says of that. May raise RuntimeRejected."""


class RootedRuntime:
    """`processes` keeps house: the directories and processes of these tasks are as those of shell
    tasks, and reaped, found and ended with them."""

    def __init__(self, processes: ShellRuntime) -> None:
        self.processes = processes
        self._context = processes.context_without_rights()
        self.remove_earlier = processes.remove_earlier

    def _run(
        self,
        environment: RootedDirectory,
        spec: TaskSpec,
        log: LogSink,
        progress: ProgressSink,
        explain: Explain,
    ) -> Execution:
        process = ShellProcess(self._context, environment, spec, log, progress)
        return StagedExecution(environment, _Explained(process, explain))

    def close(self) -> None:
        self._context.launcher.close()


class _Explained:
    """The process, and what its program says of why it failed."""

    def __init__(self, process: ShellProcess, explain: Explain) -> None:
        self._process = process
        self._explain = explain
        self.prepare, self.start = process.prepare, process.start
        self.terminate, self.stop = process.terminate, process.stop
        self.take, self.close = process.take, process.close

    async def wait(self) -> Outcome:
        outcome = await self._process.wait()
        is_failure = outcome.exit_code != 0 and outcome != STOPPED
        return self._explain(outcome) if is_failure else outcome
