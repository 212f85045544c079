"""The shell runtime: a task is a process group on this machine, in a directory of its own, or
some in turn.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from conveyor.extensions.runtimes import (
    Execution,
    Leftover,
    LogSink,
    ProcessSink,
    ProgressSink,
)
from conveyor.extensions.tasks import Aux, TaskSpec
from conveyor.extensions.terminators import ProcessTerminator, Terminator
from services.worker.hidden_memory import hide_from_tasks
from services.worker.runtimes.ports import NodePorts
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.cgroups import Cgroup, Cgroups
from services.worker.runtimes.shell.directory import (
    PREFIX,
    check_room,
    is_earlier,
    node_of,
    remove_tree,
)
from services.worker.runtimes.shell.environment import ShellContext, ShellEnvironment
from services.worker.runtimes.shell.process import ShellProcess
from services.worker.runtimes.shell.rights import Launcher, Users
from services.worker.runtimes.shell.spawn import (
    Leaders,
    adopt_orphans,
    catch_ignored_signals,
    end_processes_of,
)
from services.worker.runtimes.stages import AuxExecution, StagedExecution

log = structlog.get_logger(__name__)


def _usual_command() -> tuple[str, ...]:
    return ("bash" if shutil.which("bash") else "sh", "-c")


class ShellRuntime:
    name = "shell"

    def __init__(self, settings: RuntimeSettings) -> None:
        command = settings.shell_command or _usual_command()
        self._settings = settings.model_copy(update={"shell_command": command})
        self._leaders = Leaders()
        file = shutil.which(command[0])
        self.context = ShellContext(
            *(self._settings, self._leaders, file, Launcher(settings), Users(settings), Cgroups()),
            ports=NodePorts(settings.dynamic_ports),
        )
        adopt_orphans()
        catch_ignored_signals()
        hide_from_tasks()

    def log_choice(self) -> None:
        command = " ".join(self.context.settings.shell_command)
        log.info("shell_chosen", command=command, file=self.context.shell)
        if not self.context.users.has_own:
            log.info("shell_tasks_not_isolated", reason="they share a user: see shell_uids")

    def context_without_rights(self) -> ShellContext:
        """For processes that need no right at all, whatever shell tasks may keep. Close its
        launcher."""
        settings = self._settings.model_copy(update={"shell_privileges_kept": False})
        return replace(self.context, launcher=Launcher(settings))

    async def check(self) -> None:
        """There, unless its disk is full: a task that it took would only have to go back."""
        await asyncio.to_thread(check_room, self._settings.shell_workdir_root)

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        environment = ShellEnvironment(self.context, spec, log)
        return StagedExecution(
            environment,
            ShellProcess(self.context, environment, spec, log, progress),
            pre=[self._aux(aux, environment, log) for aux in spec.pre],
            post=[self._aux(aux, environment, log) for aux in spec.post],
        )

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator]:
        self._leaders.tell = on_process
        return (ProcessTerminator(f"/{PREFIX}.{node_id}."),)

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        def is_left_directory(directory: Path) -> bool:
            return is_left(Leftover(node_of(directory) or "", directory.name))

        return await asyncio.to_thread(self._remove, is_left_directory)

    async def remove_earlier(self, spec: TaskSpec) -> int:
        return await asyncio.to_thread(self._remove, lambda each: is_earlier(each, spec))

    async def close(self) -> None:
        self.context.launcher.close()

    def _aux(self, aux: Aux, environment: ShellEnvironment, log: LogSink) -> AuxExecution:
        return AuxExecution(aux, ShellProcess(self.context, environment, aux, log))

    def _remove(self, is_left: Callable[[Path], bool]) -> int:
        """The directories that are left, and all that runs in them."""
        cgroups = self.context.cgroups
        cgroups.remove_pending()
        for directory in cgroups.named(f"{PREFIX}.*"):
            if is_left(directory):
                Cgroup([directory]).remove()
        root = Path(self._settings.shell_workdir_root or tempfile.gettempdir())
        left = [directory for directory in root.glob(f"{PREFIX}.*") if is_left(directory)]
        for directory in left:
            end_processes_of(str(directory))
            with contextlib.suppress(OSError):
                remove_tree(directory)
            shutil.rmtree(directory, ignore_errors=True)  # what can't go stays for the next time
        return len(left)
