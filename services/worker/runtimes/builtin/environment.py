"""What a built-in program is given: its directories, parameters and limits.

The task's working directory is the root of its paths: `/chunks` and `chunks` are the same.
"""

import json
import os
import sys
from pathlib import Path

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Aux, TaskSpec
from services.worker.runtimes.builtin.programs import task
from services.worker.runtimes.places import check_places
from services.worker.runtimes.program import check_file_names
from services.worker.runtimes.shell.rooted import REPORTS, RootedDirectory
from services.worker.runtimes.shell.spawn import Command

_NOT_FOR_BUILTINS = (
    *("image", "run", "entrypoint", "cmd", "pre", "post", "sidecars", "wasm"),
    *("mounts", "networks", "gpus", "privileged", "registry"),
)
_FOLDERS = {
    "source": ("SOURCE_DIR", "source"),
    "chunks": ("CHUNKS_DIR", "chunks"),
    "results": ("TASK_RESULTS_DIR", "results"),
    "output": ("OUTPUT_DIR", "output"),
}
"""The variable of each, and the path without it."""

ROOT = str(Path(__file__).resolve().parents[4])
START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from services.worker.runtimes.builtin.programs.main import main; main(sys.argv[2])"
)


def check_task(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a built-in can't have."""
    for name in _NOT_FOR_BUILTINS:
        if getattr(spec, name):
            raise RuntimeRejected(f"builtin: a task with a built-in can't have {name}")
    check_file_names(spec.files)
    check_places(spec.places)


class BuiltinEnvironment(RootedDirectory):
    def command(self, aux: Aux | None) -> Command:
        directory = self.directory
        return Command(
            argv=[sys.executable, "-I", "-S", "-B", "-c", START, ROOT, directory.path],
            cwd=directory.workdir,
            # By it the process is found.
            env={"TORK_OUTPUT": f"{directory.path}/{directory.output_way}"},
            user=self.user,
            cgroup=self.cgroup,
        )

    async def prepare(self) -> None:
        spec = self._spec
        check_task(spec)
        name, params = self._program()
        places = {self._in_root(each.target) for each in spec.places}

        def described() -> str:
            return json.dumps({"name": name, "params": params, "paths": self._paths(places)})

        directory = self._make(spec.places, task.DESCRIPTION, described)
        self.cgroup = self._context.cgroups.make(os.path.basename(directory.path), spec)

    @property
    def verdict(self) -> str:
        """Why the program failed, as it says; empty when it came to no end."""
        data, _ = self.directory.read(task.VERDICT, 64 * 1024)
        return data.decode(errors="replace")

    def _program(self) -> tuple[str, dict[str, object]]:
        # A worker that runs no built-in has no job language in memory.
        from shared.jobspec.partition.builtins import complete_params

        if self._spec.builtin is None:
            raise RuntimeRejected("builtin: the task names no program")
        name = self._spec.builtin.name
        try:
            return name, complete_params(name, self._spec.builtin.params)
        except ValueError as error:
            raise RuntimeRejected(f"builtin: {error}") from error

    def _paths(self, places: set[str]) -> dict[str, str]:
        """Those that no source brings are made here, so that they are the task's."""
        root, found = self.directory.workdir, dict[str, str]()
        for folder, (variable, path) in _FOLDERS.items():
            way = self._in_root(self._spec.directories.get(variable) or path)
            check_file_names([way])
            found[folder] = f"{root}/{way}"
            if way not in places:
                os.makedirs(found[folder], mode=0o700, exist_ok=True)
        return {**found, "progress": f"{self.directory.path}/{REPORTS}/progress"}
