"""What a WebAssembly module sees and is given: its files, arguments, variables and limits.

The task's working directory on this machine is the root of the module's file system. WASI has no
current directory: relative paths begin at the root, or at `workdir` where the task names one.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Aux, Place, TaskSpec, Wasm
from services.worker.runtimes.places import check_places
from services.worker.runtimes.program import check_file_names, check_passable, check_stop_signal
from services.worker.runtimes.shell.environment import ShellContext
from services.worker.runtimes.shell.rooted import REPORTS, RootedDirectory
from services.worker.runtimes.shell.spawn import Command
from services.worker.runtimes.wasm import guest

_NOT_FOR_MODULES = (
    *("image", "run", "entrypoint", "pre", "post", "sidecars"),
    *("mounts", "networks", "gpus", "privileged", "registry"),
)
_GUEST = str(Path(guest.__file__).resolve())


def check_task(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for what a module can't have."""
    for name in _NOT_FOR_MODULES:
        if getattr(spec, name):
            raise RuntimeRejected(f"wasm: a task with a module can't have {name}")
    if spec.network and (spec.network.type not in ("default", "none") or spec.network.ports):
        raise RuntimeRejected("network: a task with a module has none: its type must be none")
    check_passable(spec)
    check_stop_signal(spec)
    check_file_names(spec.files)
    check_places(spec.places)
    if (workdir := (spec.workdir or "").strip("/")) and spec.workdir:
        check_file_names([workdir])
    for place in spec.places:
        if place.bind is not None and not (place.is_directory or place.read_only):
            raise RuntimeRejected(
                f"target {place.target!r}: a single file of this machine is read-only for a task "
                "with wasm"
            )
    paths = (_of(spec).module, *_of(spec).imports.values())
    if not all(path.strip() and "\0" not in path for path in paths):
        raise RuntimeRejected("wasm: the path of a module is empty or holds a NUL character")


def _of(spec: TaskSpec) -> Wasm:
    if spec.wasm is None:
        raise RuntimeRejected("wasm: the task names no module")
    return spec.wasm


class WasmEnvironment(RootedDirectory):
    """`packages` is the directory that has wasmtime."""

    def __init__(self, context: ShellContext, packages: str, spec: TaskSpec) -> None:
        super().__init__(context, spec)
        self._packages = packages

    def command(self, aux: Aux | None) -> Command:
        directory = self.directory
        return Command(
            argv=[sys.executable, "-I", "-S", _GUEST, self._packages, directory.path],
            cwd=directory.workdir,
            # The process's own, by which it is found, and no variable of the module's.
            env={"TORK_OUTPUT": f"{directory.path}/{directory.output_way}"},
            user=self.user,
            cgroup=self.cgroup,
        )

    async def prepare(self) -> None:
        check_task(self._spec)
        # Directories of this machine are the module's as they are.
        places = [each for each in self._spec.places if not _is_bound(each)]
        directory = self._make(places, guest.DESCRIPTION, lambda: json.dumps(self._described()))
        name = os.path.basename(directory.path)
        self.cgroup = self._context.cgroups.make(name, _limited(self._spec))

    @property
    def verdict(self) -> Mapping[str, str] | None:
        """What `guest` says of the end; None when it came to no end."""
        data, _ = self.directory.read(guest.VERDICT, 64 * 1024)
        verdict: Mapping[str, str] | None = json.loads(data) if data else None
        return verdict

    def _described(self) -> guest.Description:
        spec, wasm, root = self._spec, _of(self._spec), self.directory.workdir
        roots = [root, *(each.bind for each in spec.places if _is_bound(each) and each.bind)]
        reports = {"TORK_OUTPUT": f"/{REPORTS}/stdout", "TORK_PROGRESS": f"/{REPORTS}/progress"}
        # By it, some runtimes within a module (Go's) know where they are.
        place = {"PWD": f"/{self._in_root('')}"} if spec.workdir else {}
        return {
            "module": self._file(wasm.module),
            "imports": {name: self._file(path) for name, path in wasm.imports.items()},
            "entrypoint": wasm.entrypoint,
            "argv": [os.path.basename(wasm.module), *spec.cmd],
            "env": {**place, **spec.env, **spec.directories, **reports},
            "preopens": list(self._preopens()),
            "roots": [os.path.realpath(each) for each in roots],
            "memory_bytes": spec.memory_bytes,
        }

    def _preopens(self) -> Iterator[guest.Preopen]:
        """A module takes the longest that a path begins with, of equally long ones the last."""
        spec, root = self._spec, self.directory.workdir
        yield {"host": root, "guest": "/", "writable": True}
        yield {
            "host": f"{self.directory.path}/{REPORTS}",
            "guest": f"/{REPORTS}",
            "writable": True,
        }
        for each in filter(lambda place: place.is_directory, spec.places):
            way = self._in_root(each.target)
            names = [f"/{way}"]
            if spec.workdir and not each.target.startswith("/"):
                names.append(each.target)
            for name in names:
                host = each.bind or f"{root}/{way}"
                yield {"host": host, "guest": name, "writable": not each.read_only}
        if workdir := self._in_root(""):
            for name in (f"/{workdir}", "."):
                yield {"host": f"{root}/{workdir}", "guest": name, "writable": True}

    def _file(self, path: str) -> guest.File:
        """Of the module that the task calls `path`."""
        way = self._in_root(path)
        for place in filter(_is_bound, self._spec.places):
            target = self._in_root(place.target)
            if way.startswith(f"{target}/"):
                return {"guest": path, "host": f"{place.bind}/{way.removeprefix(f'{target}/')}"}
        return {"guest": path, "host": f"{self.directory.workdir}/{way}"}


def _is_bound(place: Place) -> bool:
    return place.bind is not None and place.is_directory


def _limited(spec: TaskSpec) -> TaskSpec:
    """What a control group limits: the module has one thread, and its memory a limit of its own."""
    return replace(spec, memory_bytes=None, cpus=spec.cpus if (spec.cpus or 1) < 1 else None)
