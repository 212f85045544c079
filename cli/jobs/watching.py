"""How a job looks while it is waited for: a progress bar on a terminal, lines elsewhere.

All of it goes to standard error but the log lines, which go to standard output.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.api.views import FINAL_JOB_STATES
from cli.follow.log_lines import LogLine
from cli.follow.picture import Picture, TaskNews
from cli.tables import screen, style_of
from cli.wording import one_line, printable

_TOLD = ("RUNNING", "COMPLETED", "FAILED", "CANCELLED", "STOPPED", "SKIPPED")
_WIDEST_NAME = 30


class Watcher(AbstractContextManager["Watcher"], Protocol):
    """A viewer of a job, open for as long as it is watched."""

    def show(
        self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]
    ) -> None: ...


def watcher(picture: Picture, *, with_log: bool) -> Watcher:
    told, said = screen(to_stderr=True), screen()
    if not told.is_terminal:
        return LineWatcher(told, _LogPrinter(said, picture, is_on=with_log))
    # Where both are the same terminal, lines have to go through the bar's own console.
    printer = _LogPrinter(told if said.is_terminal else said, picture, is_on=with_log)
    return BarWatcher(told, printer, _shortened(picture.name))


class _LogPrinter:
    """Log lines with the name of their task before each, as far as they are wanted."""

    def __init__(self, console: Console, picture: Picture, *, is_on: bool) -> None:
        self._console = console
        self._picture = picture
        self.is_on = is_on
        self._width = max((len(_shortened(name)) for name in picture.task_names), default=0)

    def print(self, lines: Sequence[LogLine]) -> None:
        for line in lines if self.is_on else ():
            name = self.padded(self._picture.name_of(line.task_id))
            # Text, not markup: what stands in square brackets in a log is the task's own.
            text = Text.assemble((f"{name} | ", "dim"), printable(line.text))
            self._console.print(text, soft_wrap=True)

    def padded(self, name: str) -> str:
        """As wide as the widest name so far: what a task is made of may be called anything."""
        name = _shortened(name)
        self._width = max(self._width, len(name))
        return f"{name:<{self._width}}"


class LineWatcher:
    """A line for each change of the job, and of its own tasks; with the log, of all tasks."""

    def __init__(self, told: Console, log: _LogPrinter) -> None:
        self._told = told
        self._log = log
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]) -> None:
        if picture.state not in FINAL_JOB_STATES:  # the end is told in a line of its own
            self._tell("", f"job {picture.state.lower()}")
        for task in news:
            if task.state in _TOLD and (self._log.is_on or not task.is_child):
                name = self._log.padded(task.name)
                self._tell(task.id, f"{name} | {_happening(task)}")
        self._log.print(lines)

    def _tell(self, key: str, text: str) -> None:
        if self._shown.get(key) != text:
            self._shown[key] = text
            self._told.print(Text(text), soft_wrap=True)


class BarWatcher:
    """The job's progress and how many tasks are how far; above it the log, and what fails."""

    def __init__(self, told: Console, log: _LogPrinter, title: str) -> None:
        self._told = told
        self._log = log
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[counts]}"),
            console=told,
            transient=True,  # the end is told in a line of its own
        )
        self._bar = self._progress.add_task(title, total=100, counts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]) -> None:
        self._log.print(lines)
        for task in news:
            if task.state == "FAILED":
                line = f"{self._log.padded(task.name)} | {_happening(task)}"
                self._told.print(Text(line, style_of("FAILED")), soft_wrap=True)
        counts = ", ".join(f"{count:,} {word}" for word, count in picture.counts().items())
        self._progress.update(
            self._bar, completed=picture.progress, counts=counts or picture.state.lower()
        )


def _shortened(name: str) -> str:
    return one_line(name)[:_WIDEST_NAME]


def _happening(task: TaskNews) -> str:
    again = f" (attempt {task.attempt + 1})" if task.attempt else ""
    why = f": {one_line(task.error)}" if task.error else ""
    return f"{task.state.lower()}{again}{why}"
