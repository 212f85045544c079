"""The wasm runtime: a task is a WebAssembly module in a process of its own, which wasmtime runs."""

import importlib.util
import platform
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from conveyor.extensions.runtimes import (
    Execution,
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeRejected,
)
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.shell.rooted import RootedRuntime
from services.worker.runtimes.shell.runtime import ShellRuntime
from services.worker.runtimes.wasm.environment import WasmEnvironment

_BY_A_SIGNAL = 128
_ARCHITECTURES = {"arm64": "aarch64", "AMD64": "x86_64"}


def wasmtime_packages() -> str | None:
    """The directory that has wasmtime; None where it is not installed, or not for this machine."""
    found = importlib.util.find_spec("wasmtime")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    machine = _ARCHITECTURES.get(platform.machine(), platform.machine())
    return str(package.parent) if (package / f"{sys.platform}-{machine}").is_dir() else None


class WasmRuntime(RootedRuntime):
    def __init__(self, processes: ShellRuntime, packages: str) -> None:
        super().__init__(processes)
        self._packages = packages

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        environment = WasmEnvironment(self._context, self._packages, spec)
        explain = partial(_explained, environment)
        return self._run(environment, spec, log, progress, explain)


def _explained(environment: WasmEnvironment, outcome: Outcome) -> Outcome:
    verdict = environment.verdict
    if verdict is None and outcome.exit_code > _BY_A_SIGNAL:
        return outcome
    if verdict is None:
        raise RuntimeRejected("wasm: the process of the module failed; see the log of the task")
    if rejected := verdict.get("rejected"):
        raise RuntimeRejected(rejected)
    trap = verdict.get("trap")
    return replace(outcome, reason=f"trap: {trap}") if trap else outcome
