"""Runs one WebAssembly module: the process that a task of the wasm runtime is.

The worker starts it by the path of this file, without site-packages: so it imports wasmtime and the
standard library alone, and no module of ours.
"""

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypedDict, cast

if TYPE_CHECKING:
    import wasmtime

DESCRIPTION, VERDICT = "guest.json", "verdict"
"""Files of the task's directory, out of the module's reach: what to run, and what became of it."""

_WASI = "wasi_snapshot_preview1"
_MAGIC = b"\0asm"
_TRAPPED, _REJECTED = 134, 126  # 128 + SIGABRT, as for a program that aborts
_SLACK_BYTES = 32 * 1024 * 1024
_COMPILER_BYTES = 512 * 1024 * 1024
"""For modules of a few tens of megabytes, however little memory they have themselves."""


class Preopen(TypedDict):
    host: str
    guest: str
    writable: bool


class File(TypedDict):
    """`guest` is how the task calls it."""

    guest: str
    host: str


class Description(TypedDict):
    """`roots` are the directories that modules may be in, links resolved."""

    module: File
    imports: Mapping[str, File]
    entrypoint: str
    argv: list[str]
    env: Mapping[str, str]
    preopens: list[Preopen]
    roots: list[str]
    memory_bytes: int | None


class _Rejected(Exception):
    """It can't be run as it is spelled."""


def main(packages: str, directory: str) -> NoReturn:
    """`packages` is the directory that has wasmtime, `directory` the task's."""
    sys.path.append(packages)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while a module runs, Python handles none
    task: Description = json.loads(Path(directory, DESCRIPTION).read_bytes())
    try:
        _run(task, directory)
    except _Rejected as error:
        _end(directory, _REJECTED, rejected=str(error))
    except ImportError as error:  # not built for this machine
        _end(directory, _REJECTED, rejected=f"wasmtime can't be loaded: {error}")
    except MemoryError:
        _end(directory, _TRAPPED, trap="out of memory")
    _end(directory, 0)


def _run(task: Description, directory: str) -> None:
    import wasmtime

    limit = task["memory_bytes"]
    if limit is not None:  # a compiler that gets no more aborts; `_store` has the module's own
        _limit_data(max(limit, _COMPILER_BYTES))
    config = wasmtime.Config()
    config.wasm_threads = False  # memory that threads share escapes the limit
    config.parallel_compilation = False  # a task's share of CPUs holds for its compiler as well
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.allow_shadowing = True
    linker.define_wasi()
    # Wasmtime's own takes no code above 125, and programs in containers end with any.
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    linker.define_func(_WASI, "proc_exit", kind, lambda code: _end(directory, code & 0xFF))
    linker.allow_shadowing = False
    main_module = _loaded(engine, "module", task["module"], task["roots"])
    imports = {
        name: _loaded(engine, f"imports[{name!r}]", file, task["roots"])
        for name, file in task["imports"].items()
    }
    store = _store(engine, task)
    try:
        for name in _in_order(imports):
            _check_imports(linker, store, f"imports[{name!r}]", imports[name])
            linker.define_module(store, name, imports[name])
        _check_imports(linker, store, "module", main_module)
        entry = task["entrypoint"]
        _check_entry(main_module, entry)
        exports = linker.instantiate(store, main_module).exports(store)
    except wasmtime.WasmtimeError as error:  # of another type than is wanted, no room for memory
        raise _Rejected(f"wasm: the module can't be instantiated: {_reasons(error)}") from error
    except wasmtime.Trap as error:  # in a start function
        _trapped(directory, error)
    try:
        if entry != "_start" and "_initialize" in exports:
            cast("wasmtime.Func", exports["_initialize"])(store)
        cast("wasmtime.Func", exports[entry])(store)
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        _trapped(directory, error)


def _loaded(
    engine: "wasmtime.Engine", field: str, file: File, roots: list[str]
) -> "wasmtime.Module":
    import wasmtime

    about = f"wasm.{field} {file['guest']!r}"
    path = os.path.realpath(file["host"])
    if not any(f"{path}/".startswith(f"{root}/") for root in roots):
        raise _Rejected(f"{about}: it leads out of what the task has")
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise _Rejected(f"{about}: no such file; a source must put it there") from error
    except OSError as error:
        raise _Rejected(f"{about}: {error.strerror}") from error
    if not (data.startswith(_MAGIC) or data.lstrip()[:1] in (b"(", b";")):
        raise _Rejected(f"{about}: is not a WebAssembly module")
    try:
        return wasmtime.Module(engine, data)
    except wasmtime.WasmtimeError as error:
        raise _Rejected(f"{about}: is not a valid WebAssembly module: {_reasons(error)}") from error


def _store(engine: "wasmtime.Engine", task: Description) -> "wasmtime.Store":
    """With the limit of memory: of each by the store, of all by the system."""
    import wasmtime

    wasi = wasmtime.WasiConfig()
    wasi.argv = task["argv"]
    wasi.env = list(task["env"].items())
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    for each in task["preopens"]:
        try:
            wasi.preopen_dir(each["host"], each["guest"], each["writable"])
        except wasmtime.WasmtimeError as error:
            raise _Rejected(f"target {each['guest']!r}: it can't be opened") from error
    store = wasmtime.Store(engine)
    store.set_wasi(wasi)
    if (limit := task["memory_bytes"]) is not None:
        store.set_limits(memory_size=limit)
        _limit_data(limit)
    return store


def _limit_data(added: int) -> None:
    """Of this process: to what it has, and so much more."""
    with contextlib.suppress(OSError, ValueError):  # not Linux
        most = _data_bytes() + added + _SLACK_BYTES
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _data_bytes() -> int:
    """What this process has of memory that counts by RLIMIT_DATA. Raises OSError."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def _in_order(modules: "Mapping[str, wasmtime.Module]") -> list[str]:
    """Their names, those that others import before these."""
    ordered: list[str] = []

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise _Rejected(f"wasm.imports: {' → '.join((*path, name))} import each other")
        if name in ordered:
            return
        for needed in modules[name].imports:
            if needed.module in modules:
                add(needed.module, (*path, name))
        ordered.append(name)

    for name in modules:
        if name == _WASI:
            raise _Rejected(f"wasm.imports: the name {name!r} is the system's own")
        add(name, ())
    return ordered


def _check_imports(
    linker: "wasmtime.Linker", store: "wasmtime.Store", field: str, module: "wasmtime.Module"
) -> None:
    def is_there(each: "wasmtime.ImportType") -> bool:
        import wasmtime

        try:
            linker.get(store, each.module, each.name or "")
        except wasmtime.WasmtimeError:
            return False
        return True

    missing = [f"{e.module}.{e.name}" for e in module.imports if not is_there(e)]
    if missing:
        raise _Rejected(
            f"wasm.{field}: it imports {', '.join(missing)}, and neither {_WASI} nor wasm.imports "
            "has that"
        )


def _check_entry(module: "wasmtime.Module", name: str) -> None:
    import wasmtime

    exported = {each.name: each.type for each in module.exports}
    kind = exported.get(name)
    if not isinstance(kind, wasmtime.FuncType):
        functions = [n for n, each in exported.items() if isinstance(each, wasmtime.FuncType)]
        known = ", ".join(map(str, functions)) or "none"
        raise _Rejected(
            f"wasm.entrypoint {name!r}: the module exports no such function (it has: {known})"
        )
    if kind.params:
        raise _Rejected(
            f"wasm.entrypoint {name!r}: it takes {len(kind.params)} parameters, and must take none"
        )


def _trapped(directory: str, error: Exception) -> NoReturn:
    sys.stderr.write(f"{str(error).strip()}\n")
    _end(directory, _TRAPPED, trap=_cause(error))


def _cause(error: Exception) -> str:
    """The last line of what wasmtime says: the innermost reason."""
    last = str(error).strip().splitlines()[-1].strip()
    number, _, text = last.partition(": ")
    last = text if number.isdigit() else last
    return last.removeprefix("wasm trap: ")


def _reasons(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return ": ".join(line for line in lines if line and line != "Caused by:")


def _end(directory: str, exit_code: int, **verdict: str) -> NoReturn:
    Path(directory, VERDICT).write_text(json.dumps(verdict))
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
