"""How the demo looks: plain lines for a pipe, a table that follows the job for a terminal."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.api.views import JobView, TaskView
from cli.follow.log_lines import LogLine

_STYLES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "red", "RUNNING": "cyan"}
_MARKS = {"COMPLETED": "✓", "FAILED": "✗", "CANCELLED": "✗"}
_WAITING = "WAITING"
"""Our word for a task that has no row yet: its turn hasn't come."""


class Screen(Protocol):
    """Shows a job for as long as it is open."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def update(self, job: JobView, lines: Sequence[LogLine]) -> None: ...


def screen_for(console: Console) -> Screen:
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """A line for each thing that happens: a log line, a new state, a new progress."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, job: JobView, lines: Sequence[LogLine]) -> None:
        width = _name_width(job)
        for task in job.execution:
            # A start is told before the task's log lines, an end after them.
            if task.state not in _MARKS:
                self._tell(task, width)
            own = [line for line in lines if line.task_id == task.id]
            _print_lines(self._console, job, own)
            if task.state in _MARKS:
                self._tell(task, width)

    def _tell(self, task: TaskView, width: int) -> None:
        text = _happening(task)
        if self._shown.get(task.id) != text:
            self._shown[task.id] = text
            line = Text(f"  {task.name:<{width}} | {text}")
            self._console.print(line, soft_wrap=True)


class LiveScreen:
    """The log scrolls by; below it stand the tasks with their states and progress bars."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=12, transient=False)
        self._spinner = Spinner("dots", style="cyan")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self, job: JobView, lines: Sequence[LogLine]) -> None:
        _print_lines(self._console, job, lines)
        self._live.update(Group(Text(), self._table(job)))

    def _table(self, job: JobView) -> Table:
        table = Table.grid(padding=(0, 2))
        for position, name in enumerate(job.task_names, start=1):
            self._add_row(table, name, _latest_attempt(job, position))
        table.add_row("", Text("job", "bold"), _state(job.state), _bar(job.progress))
        return table

    def _add_row(self, table: Table, name: str, task: TaskView | None) -> None:
        state = task.state if task else _WAITING
        mark = self._spinner if state == "RUNNING" else Text(_MARKS.get(state, "·"), _style(state))
        progress = 100.0 if state == "COMPLETED" else task.progress if task else 0.0
        table.add_row(mark, Text(name, _style(state)), _state(state), _bar(progress))


def _print_lines(console: Console, job: JobView, lines: Sequence[LogLine]) -> None:
    names = {task.id: task.name for task in job.execution}
    width = _name_width(job)
    for line in lines:
        name = names.get(line.task_id, line.task_id)
        # Text, not markup: what stands in square brackets in a log is the task's own.
        console.print(Text.assemble((f"  {name:<{width}} | ", "dim"), line.text), soft_wrap=True)


def _happening(task: TaskView) -> str:
    if task.error:
        return f"{task.state}: {task.error}"
    return f"{task.state} {task.progress:.0f} %" if _is_partial(task) else task.state


def _is_partial(task: TaskView) -> bool:
    return task.state == "RUNNING" and task.progress > 0


def _latest_attempt(job: JobView, position: int) -> TaskView | None:
    attempts = [task for task in job.execution if task.position == position]
    return max(attempts, key=lambda task: task.attempt, default=None)


def _name_width(job: JobView) -> int:
    return max((len(name) for name in job.task_names), default=0)


def _style(state: str) -> str:
    return _STYLES.get(state, "dim")


def _state(state: str) -> Text:
    return Text(state.lower(), _style(state))


def _bar(progress: float) -> Table:
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(completed=progress, width=24), Text(f"{progress:3.0f} %", "dim"))
    return bar
