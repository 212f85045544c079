"""What a shell task's programs share: one directory, with the files of all of them."""

import contextlib
from collections.abc import Mapping

from services.worker.runtimes.protocol import RuntimeRejected, RuntimeUnavailable
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.command import check_task, script_of
from services.worker.runtimes.shell.directory import PartFiles, TaskDirectory
from services.worker.runtimes.shell.os_errors import sorted_error
from services.worker.runtimes.task_spec import Aux, TaskSpec


class ShellEnvironment:
    def __init__(self, settings: RuntimeSettings, spec: TaskSpec) -> None:
        self._settings = settings
        self._spec = spec
        self._directory: TaskDirectory | None = None

    @property
    def directory(self) -> TaskDirectory:
        """Raises RuntimeError before `prepare`."""
        if self._directory is None:
            raise RuntimeError("prepare comes first")
        return self._directory

    def files_of(self, aux: Aux | None) -> PartFiles:
        """Of a pre or post, or of the task's own program."""
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
        try:
            directory.write(files)
            self._write_scripts()
            directory.give_to(settings.shell_uid, settings.shell_gid)
        except OSError as error:  # a name too long, one file inside another; a full disk
            raise sorted_error("the task's files can't be written", error) from error

    async def close(self) -> None:
        if self._directory is not None:
            # What can't be removed (a mount, a file made immutable) is the reaper's.
            with contextlib.suppress(OSError):
                self._directory.remove()
            self._directory = None

    def _write_scripts(self) -> None:
        for aux in (None, *self._spec.pre, *self._spec.post):
            program = self._spec if aux is None else aux.program
            script = script_of(program, self._settings)
            if script is not None:
                self.directory.write_script(self.files_of(aux), script)


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
