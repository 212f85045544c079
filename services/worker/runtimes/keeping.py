"""What a runtime can do whose tasks may outlive their worker."""

from typing import Protocol, runtime_checkable

from conveyor.extensions.runtimes import Execution, LogSink, ProgressSink
from conveyor.extensions.tasks import TaskSpec


class Kept(Protocol):
    """What is known of such an execution. `since` is what was last `passed`, empty: nothing;
    `is_left`: a worker before this one has started it."""

    since: str

    @property
    def is_left(self) -> bool: ...
    def began(self) -> None:
        """It runs, or is this worker's now."""
        ...

    def passed(self, since: str) -> None:
        """The log was read so far; the text is the runtime's own."""
        ...


def keeping_part(runtime: object) -> "Keeping | None":
    """The one among several behind one door that can."""
    while (inner := getattr(runtime, "keeping", None)) is not None:
        runtime = inner
    return runtime if isinstance(runtime, Keeping) else None


@runtime_checkable
class Keeping(Protocol):
    @property
    def engine_address(self) -> str:
        """Of what runs the tasks, the same for every worker that uses it."""
        ...

    def kept_execution(
        self, spec: TaskSpec, log: LogSink, progress: ProgressSink, kept: Kept
    ) -> Execution | None:
        """As `execution`, of a task that may outlive this worker; None for one that can't."""
        ...

    async def is_there(self, task_id: str, dispatch: int) -> bool:
        """Whether something runs, or has run, that was left. Raises RuntimeUnavailable."""
        ...

    async def end_left(self, task_id: str, dispatch: int) -> None:
        """Remove it. Raises RuntimeUnavailable."""
        ...
