"""What a shell task's programs execute and see: their rules, arguments and variables, and the one
directory that they share.
"""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conveyor.extensions.runtimes import Archive, LogSink, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Aux, TaskSpec
from services.worker.runtimes.ports import NodePorts, TakenPort, port_variables, ports_of
from services.worker.runtimes.program import (
    check_file_names,
    check_image,
    check_passable,
    check_stop_signal,
    fits_an_argument,
)
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.cgroups import Cgroup, Cgroups
from services.worker.runtimes.shell.directory import (
    PartFiles,
    TaskDirectory,
    remove_tree,
    sorted_error,
)
from services.worker.runtimes.shell.files import TaskFiles
from services.worker.runtimes.shell.rights import Launcher, User, Users
from services.worker.runtimes.shell.spawn import Command, Leaders
from services.worker.runtimes.stages import naming

_OF_THE_MACHINE = ("default", "host", "full")
_CONTAINERS_ALONE = ("sidecars", "mounts", "networks", "gpus", "privileged", "registry")


def check_task(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a shell task can't have, its pre and post included."""
    for name in _CONTAINERS_ALONE:
        if getattr(spec, name) and not (name == "gpus" and spec.gpu_devices):
            raise RuntimeRejected(
                f"{name}: the shell runtime has none, only containers do: name an image"
            )
    if spec.network and spec.network.type not in _OF_THE_MACHINE:
        raise RuntimeRejected(
            f"network: the shell runtime has the network of its machine, and no type "
            f"{spec.network.type!r}: name an image"
        )
    check_spec(spec)
    for aux in (*spec.pre, *spec.post):
        with naming(aux.label):
            check_spec(aux.program)


def check_spec(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a shell program can't have."""
    check_image(spec)
    check_passable(spec)
    check_stop_signal(spec)
    if spec.image is not None:
        raise RuntimeRejected(f"image {spec.image!r}: the shell runtime runs no images")
    if not (spec.run is not None or spec.cmd or spec.entrypoint):
        raise RuntimeRejected("nothing to run: one of run, cmd and entrypoint is needed")
    check_file_names(spec.files)
    if spec.workdir and os.path.isabs(spec.workdir):
        raise RuntimeRejected(
            f"workdir {spec.workdir!r} must be relative: "
            "the shell runtime gives each task a directory of its own"
        )
    if spec.workdir:
        check_file_names([spec.workdir])


def gpu_variables(devices: Sequence[str]) -> dict[str, str]:
    """Nothing hides the others from a program that looks for them by itself."""
    shown = ",".join(devices)
    names = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    return dict.fromkeys(names, shown) if devices else {}


def script_of(spec: TaskSpec, settings: RuntimeSettings) -> str | None:
    """The script to write into a file; None when there is none or it travels as an argument."""
    shell = spec.entrypoint or settings.shell_command
    return None if fits_an_argument(spec, shell) else spec.run


def argv_of(spec: TaskSpec, settings: RuntimeSettings, part: PartFiles) -> list[str]:
    """`run` is a script for the shell command; `cmd` and `entrypoint` go before it when set."""
    if spec.run is None:
        return [*spec.entrypoint, *spec.cmd]
    shell = spec.entrypoint or settings.shell_command
    if fits_an_argument(spec, shell):
        # $0 is what shells put before their errors: the path would be noise, and leads nowhere.
        return [*shell, spec.run, os.path.basename(part.script)]
    return [*shell, *(spec.cmd or (part.script,))]


def environment_of(
    spec: TaskSpec,
    settings: RuntimeSettings,
    part: PartFiles,
    workdir: str,
    variables: Mapping[str, str],
) -> dict[str, str]:
    """`variables` stand above the program's own. Nothing of the worker's own environment but what
    the operator allows: it holds secrets."""
    allowed = ("PATH", "LANG", *settings.shell_env_allowed)
    host = {name: os.environ[name] for name in allowed if name in os.environ}
    ours = {"TORK_OUTPUT": part.output, "TORK_PROGRESS": part.progress}
    return {"HOME": workdir, **host, **spec.env, **variables, **ours}


@dataclass(frozen=True, slots=True)
class ShellContext:
    """`leaders` holds the process of every running task of the runtime. `shell` is the file of the
    shell command, None when it isn't in this worker's PATH."""

    settings: RuntimeSettings
    leaders: Leaders
    shell: str | None
    launcher: Launcher
    users: Users
    cgroups: Cgroups
    ports: NodePorts


class OwnDirectory:
    """What the programs of a task share on this machine: a directory, a user and a cgroup."""

    def __init__(self, context: ShellContext, spec: TaskSpec) -> None:
        self._context = context
        self._spec = spec
        self._directory: TaskDirectory | None = None
        self._files: TaskFiles | None = None
        self.user = User(None, None)
        self.cgroup: Cgroup | None = None

    @property
    def directory(self) -> TaskDirectory:
        """Raises RuntimeError before `prepare`."""
        if self._directory is None:
            raise RuntimeError("prepare comes first")
        return self._directory

    @property
    def files(self) -> TaskFiles:
        """Raises RuntimeError before `prepare`."""
        if self._files is None:
            raise RuntimeError("prepare comes first")
        return self._files

    async def close(self) -> None:
        if self._directory is not None:
            await self._remove(self._directory)
            self._directory = self._files = None
            self._context.users.give_back(self.user)
        if self.cgroup is not None:
            self._context.cgroups.remove(self.cgroup)
            self.cgroup = None

    async def _remove(self, directory: TaskDirectory) -> None:
        """What can't be removed (a mount, a file made immutable) is the reaper's."""
        with contextlib.suppress(OSError):  # as said
            await asyncio.to_thread(remove_tree, directory.path)


class ShellEnvironment(OwnDirectory):
    def __init__(self, context: ShellContext, spec: TaskSpec, log: LogSink) -> None:
        """`log` is told the ports of the task."""
        super().__init__(context, spec)
        self._log = log
        self._ports: tuple[TakenPort, ...] = ()
        self._variables: dict[str, str] = {}
        self._settings = context.settings

    def command(self, aux: Aux | None) -> Command:
        """Of a pre or post, or of the task's own program."""
        spec = self._spec if aux is None else aux.program
        workdir, files = self.directory.workdir, self._files_of(aux)
        argv = argv_of(spec, self._settings, files)
        return Command(
            argv=argv,
            cwd=os.path.join(workdir, spec.workdir or ""),
            env=environment_of(spec, self._settings, files, workdir, self._variables),
            user=self.user,
            cgroup=self.cgroup,
            executable=self._usual_shell(argv[0], spec),
        )

    def _usual_shell(self, name: str, spec: TaskSpec) -> str | None:
        """Where the shell is that nearly all tasks run; it isn't looked up for each of them."""
        is_usual = name == self._settings.shell_command[0] and "PATH" not in spec.env
        return self._context.shell if is_usual else None

    def _files_of(self, aux: Aux | None) -> PartFiles:
        if aux is None:
            return PartFiles(self.directory.path)
        every = (*self._spec.pre, *self._spec.post)
        number = next(n for n, each in enumerate(every) if each is aux)
        return PartFiles(self.directory.path, f"aux-{number}.")

    async def prepare(self) -> None:
        spec, settings = self._spec, self._settings
        check_task(spec)
        files = _all_files(spec)
        try:
            directory = TaskDirectory(settings.shell_workdir_root, spec)
        except OSError as error:  # full or read-only disk: another worker may do better
            raise RuntimeUnavailable(f"no directory for the task: {error}") from error
        self._directory = directory
        self._files = TaskFiles(directory, spec)
        try:
            directory.write(files)
            self._files.make_places()
            self._write_parts()
            self._files.user = self.user = self._context.users.take()
            directory.give_to(self.user.uid, self.user.gid)
        except OSError as error:  # a name too long, one file inside another; a full disk
            raise sorted_error("the task's files can't be written", error) from error
        self.cgroup = self._context.cgroups.make(os.path.basename(directory.path), spec)
        self._ports = self._context.ports.take(ports_of(spec), of_machine=True)
        self._variables = port_variables(self._ports, spec.variable_prefix)
        self._variables |= gpu_variables(spec.gpu_devices)
        self._variables |= {
            name: f"{directory.path}/{directory.way_of_data(path)}"
            for name, path in spec.directories.items()
        }

    async def bring(self, target: str, archive: Archive) -> None:
        await self.files.bring(target, archive)

    def take(self, path: str) -> contextlib.AbstractAsyncContextManager[Archive]:
        return self.files.take(path)

    async def complete(self) -> None:
        if self._spec.places:
            await self.files.complete()
        for port in self._ports:
            await self._log(port.line.encode())

    async def close(self) -> None:
        await super().close()
        self._context.ports.give_back(self._ports)
        self._ports = ()

    async def _remove(self, directory: TaskDirectory) -> None:
        try:
            directory.remove_usual()
        except OSError:  # the task made files of its own, or was brought some
            await super()._remove(directory)

    def _write_parts(self) -> None:
        for aux in (None, *self._spec.pre, *self._spec.post):
            program = self._spec if aux is None else aux.program
            self.directory.write_reports(self._files_of(aux))
            script = script_of(program, self._settings)
            if script is not None:
                self.directory.write_script(self._files_of(aux), script)


def _all_files(spec: TaskSpec) -> Mapping[str, str]:
    """Raises RuntimeRejected where two want one file with different texts in it."""
    if not (spec.pre or spec.post):
        return spec.files
    files = dict(spec.files)
    for aux in (*spec.pre, *spec.post):
        for name, text in aux.program.files.items():
            if files.setdefault(name, text) != text:
                raise RuntimeRejected(
                    f"{aux.label}: file {name!r} is there already with another text: "
                    "the programs of a shell task share one directory"
                )
    return files
