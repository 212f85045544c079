"""What every runtime can do: docker, podman and shell pass one contract suite.

One task is one `Execution`, driven in this order by the worker: `prepare` (while the claim
travels), `bring` (after the grant), `start`, `wait`, `take`, `close`. `stop` may come at any moment
after `prepare` began, and before it, once it was started, `terminate`. Whatever a runtime makes
carries the task's labels, so that a reaper finds what a dead worker left behind.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from conveyor.extensions.tasks import TaskSpec
from conveyor.extensions.terminators import Terminator


class RuntimeRejected(Exception):
    """The task can't run as it is spelled (no such image, a bad limit): it fails, saying so."""


class RuntimeUnavailable(Exception):
    """The engine can't be reached: the task is handed back and no retry is spent."""


class RuntimeDeclined(RuntimeUnavailable):
    """The engine is there and would not, in words that don't tell whether that is about the task:
    it is handed back as well, but not for ever."""


class TransferStopped(RuntimeRejected):
    """`stop` or `terminate` ended it."""


class PartTimedOut(RuntimeRejected):
    """A pre or post ran longer than its own time-out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the task ended. `output` is what its main process wrote to $TORK_OUTPUT.

    `exit_code` is 128 and the signal's number for an end by a signal (137: killed), as shells and
    container engines have it.
    `reason` explains an end that the exit code doesn't (out of memory). `part` is the label of the
    pre, post or sidecar that failed; None means the main process. `large_result_bytes` is the size
    of a result over the limit that the task keeps, which is not in `output` but what `take(RESULT)`
    has. `is_expected`: whether the task succeeds with this exit code; None: if it is 0.
    `is_out_of_memory`: it was killed at its memory limit, so that more may help.
    """

    exit_code: int
    output: str
    reason: str | None = None
    part: str | None = None
    large_result_bytes: int | None = None
    is_expected: bool | None = None
    is_out_of_memory: bool = False

    @property
    def is_success(self) -> bool:
        is_expected = self.exit_code == 0 if self.is_expected is None else self.is_expected
        return is_expected and self.reason is None


STOPPED = Outcome(exit_code=137, output="", reason="stopped before it started")


STDOUT, STDERR = 1, 2


class LogSink(Protocol):
    """Takes log bytes in the order in which they were written, of stdout or of stderr. Awaiting it
    is the back-pressure."""

    def __call__(self, data: bytes, stream: int = STDOUT, /) -> Awaitable[None]: ...


ProgressSink = Callable[[float], None]
"""Takes a new progress, 0..100."""

ProcessSink = Callable[[tuple[str, int], int], None]
"""Takes a task's id and its dispatch, and the process that leads its program, 0 when that has
ended."""


class Part(Protocol):
    """One program of a task, once. Made without waiting and without effect: `prepare` is the first
    to act.

    Of an error that is neither RuntimeRejected nor RuntimeUnavailable the task fails, and the
    worker's log has the traceback.
    """

    async def prepare(self) -> None:
        """Make the place, and the container that comes first. Runs nothing of the user's.

        Raises RuntimeRejected or RuntimeUnavailable.
        """
        ...

    async def start(self) -> None:
        """Start what comes first. Raises as `prepare` does."""
        ...

    async def wait(self) -> Outcome:
        """Wait for the end; every log byte has gone to the sink when this returns.

        What comes later is prepared and started in here, so it raises as `prepare` does.
        """
        ...

    async def terminate(self) -> None:
        """Ask what runs to end, by the stop signal, and start nothing more; `wait` returns when it
        has ended, or `stop` was called. Raises RuntimeUnavailable while that can't be told.
        """
        ...

    async def stop(self) -> None:
        """Kill what runs at once, children included; `wait` returns soon after. Idempotent.

        Raises RuntimeUnavailable while that can't be told.
        """
        ...

    async def close(self) -> None:
        """Remove all that was made. Never raises; what could not be removed is tried again at each
        `reap`, and a reaper gets it when the worker has gone."""
        ...


RESULT = "$TORK_OUTPUT"
"""As the path to take: the file of the result."""

Archive = AsyncIterator[bytes]
"""A tar without compression, in pieces of any size."""


class Execution(Part, Protocol):
    """One task, once. `stop` and `terminate` end a `bring` or `take` that runs at once, with
    TransferStopped.
    """

    async def bring(self, target: str, archive: Archive) -> None:
        """Fill the place of the spec that has this target, between `prepare` and `start`; once.

        The members of a directory have names relative to it; of a single file, it is the only
        member, under any name. Owners and rights are the runtime's to choose: the task can read
        all, and change it unless the place is read-only; what is executable stays so. What
        `archive` raises goes on to the caller. Raises as `prepare` does.
        """
        ...

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        """The file or directory at `path`, absolute or below the working directory, as the task's
        own program left it; after `wait`, as often as wanted.

        The first member is the thing itself, the names of all others begin with its name. A `path`
        that is a link is followed, links below it are members. Memory holds a few pieces, however
        slowly they are read. Raises as `prepare` does, RuntimeRejected where nothing is.
        """
        ...


class Leftover(NamedTuple):
    """Something that was made for a task of the worker `node_id`. `name` is the thing's own, and
    never another's after it."""

    node_id: str
    name: str


class Runtime(Protocol):
    """Where a worker's tasks run: one for each process, used for as many tasks at once as it has
    slots. Nothing in it may block the event loop: heartbeats go over the same one.
    """

    @property
    def name(self) -> str:
        """What logs and `/health` call it."""
        ...

    async def check(self) -> None:
        """Asked every few seconds. Raises RuntimeUnavailable when the engine can't be reached:
        the worker is unhealthy then, and takes no task until it can be.
        """
        ...

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        """What runs this task. A part of `spec` that this runtime can't do is for `prepare` to
        reject: ignored, the job would do something else than it says.
        """
        ...

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator] | None:
        """By what means the watchdog ends this worker's tasks when the worker is killed or frozen.

        Empty: nothing of a task outlives the worker. None: something does, and no terminator
        reaches it; the tasks of a dead worker then wait for their leases to run out. Called once,
        before the first task; `on_process` is to hear of processes that a terminator looks for.
        """
        ...

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        """Remove what is left of tasks whose worker is gone; the number removed.

        Ask `is_left` of everything that was made for a task and is labelled with a worker: the
        question is also how the worker learns what there is. Raises RuntimeUnavailable.
        """
        ...

    async def remove_earlier(self, spec: TaskSpec) -> int:
        """Remove what other dispatches of this task have left here, running or not, and nothing
        that was made for this one; the number removed.

        Called between `prepare` and `start` of a dispatch that is not the first: its claim was
        granted, so nobody else may run the task. Raises RuntimeUnavailable.
        """
        ...

    async def close(self) -> None:
        """Called once, when no task runs any more."""
        ...


class OperatorSettings(Protocol):
    """Those of CONVEYOR_RUNTIME_… that hold for every runtime and mount type; docs/settings.md says
    what each means. What a runtime does not keep to, it must reject."""

    @property
    def default_image(self) -> str | None: ...
    @property
    def output_max_bytes(self) -> int: ...
    @property
    def privileged_allowed(self) -> bool: ...
    @property
    def host_networks_allowed(self) -> bool: ...
    @property
    def networks_allowed(self) -> tuple[str, ...]: ...
    @property
    def bind_allowed(self) -> bool: ...
    @property
    def bind_sources(self) -> tuple[str, ...]: ...
    @property
    def container_tmpfs_max(self) -> str: ...
    @property
    def is_podman(self) -> bool:
        """Whether containers run on Podman."""
        ...


RuntimeFactory = Callable[[OperatorSettings], Runtime]
"""Called once, at start, on the event loop. What it raises ends the worker."""
