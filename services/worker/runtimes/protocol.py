"""What every runtime can do: docker, podman and shell pass one contract suite.

One task is one `Execution`, driven in this order by the worker: `prepare` (while the claim
travels), `start` (after the grant), `wait`, `close`. `stop` may come at any moment after
`prepare` began. Whatever a runtime makes carries the task's labels, so that a reaper finds
what a dead worker left behind.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol


class RuntimeRejected(Exception):
    """The task can't run as it is spelled (no such image, a bad limit): it fails, saying so."""


class RuntimeUnavailable(Exception):
    """The engine can't be reached: the task is handed back and no retry is spent."""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task as a runtime needs it, secrets in clear, defaults of the worker applied.

    `cpus` is a number of cores, `memory_bytes` a number of bytes. `files` maps a name below the
    working directory to its text. `run` is a script for `sh`; it excludes nothing else.
    """

    task_id: str
    job_id: str
    node_id: str
    image: str | None = None
    registry: RegistryLogin | None = None
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    run: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    workdir: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the main process ended. `output` is what it wrote to $TORK_OUTPUT.

    `exit_code` is negative for a signal (-9: killed); container engines say 137 for that one.
    `reason` explains an end that the exit code doesn't (out of memory).
    """

    exit_code: int
    output: str
    reason: str | None = None


LogSink = Callable[[bytes], Awaitable[None]]
"""Takes log bytes, stdout and stderr interleaved as written. Awaiting it is the back-pressure."""

ProgressSink = Callable[[float], None]
"""Takes a new progress, 0..100."""


class Execution(Protocol):
    async def prepare(self) -> None:
        """Pull the image, create the container or the directory. Runs nothing of the user's.

        Raises RuntimeRejected or RuntimeUnavailable.
        """
        ...

    async def start(self) -> None:
        """Start the main process. Raises as `prepare` does."""
        ...

    async def wait(self) -> Outcome:
        """Wait for the end; every log byte has gone to the sink when this returns."""
        ...

    async def stop(self) -> None:
        """Kill it at once, children included; `wait` returns soon after. Idempotent."""
        ...

    async def close(self) -> None:
        """Remove all that was made. Never raises; what could not be removed the reaper gets."""
        ...


class Runtime(Protocol):
    @property
    def name(self) -> str: ...

    async def check(self) -> None:
        """Raises RuntimeUnavailable when the engine can't be reached."""
        ...

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution: ...

    async def reap(self, is_abandoned: Callable[[str], bool]) -> int:
        """Remove leftovers whose node id label is abandoned; the number removed."""
        ...

    async def close(self) -> None: ...
