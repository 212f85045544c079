"""How a job looks while it is followed: a progress bar on a terminal, lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.api.views import FINAL_JOB_STATES
from cli.follow.live import Viewer
from cli.follow.log import LogLine
from cli.follow.picture import Picture, TaskNews
from cli.messages import one_line, printable
from cli.tables import style_of

_SHOWN_STATES = ("RUNNING", "COMPLETED", "FAILED", "CANCELLED", "STOPPED", "SKIPPED")
_WIDEST_NAME = 30


@contextmanager
def job_viewer(
    picture: Picture, changes: Console, log: Console, *, with_log: bool
) -> Iterator[Viewer]:
    """Shows state changes on the console `changes`, log lines on `log`."""
    if not changes.is_terminal:
        yield LineViewer(changes, _LogPrinter(log, picture, is_on=with_log))
        return
    # Where both are the same terminal, lines have to go through the bar's own console.
    printer = _LogPrinter(changes if log.is_terminal else log, picture, is_on=with_log)
    with _progress(changes) as progress:
        yield BarViewer(progress, printer, _shortened(picture.name))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}"),
        console=console,
        transient=True,  # the end has a line of its own
    )


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
            # Text, not markup: square brackets in a log are the task's own.
            text = Text.assemble((f"{name} | ", "dim"), printable(line.text))
            self._console.print(text, soft_wrap=True)

    def padded(self, name: str) -> str:
        """As wide as the widest name so far: what a task is made of may be called anything."""
        name = _shortened(name)
        self._width = max(self._width, len(name))
        return f"{name:<{self._width}}"


class LineViewer:
    """A line for each change of the job, and of its own tasks; with the log, of all tasks."""

    def __init__(self, changes: Console, log: _LogPrinter) -> None:
        self._changes = changes
        self._log = log
        self._shown: dict[str, str] = {}

    def show(self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]) -> None:
        if picture.state not in FINAL_JOB_STATES:  # the end has a line of its own
            self._print("", f"job {picture.state.lower()}")
        for task in news:
            if task.state in _SHOWN_STATES and (self._log.is_on or not task.is_child):
                name = self._log.padded(task.name)
                self._print(task.id, f"{name} | {_happening(task)}")
        self._log.print(lines)

    def _print(self, key: str, text: str) -> None:
        if self._shown.get(key) != text:
            self._shown[key] = text
            self._changes.print(Text(text), soft_wrap=True)


class BarViewer:
    """The job's progress and how many tasks are how far; above it the log, and what fails."""

    def __init__(self, progress: Progress, log: _LogPrinter, title: str) -> None:
        self._progress = progress
        self._log = log
        self._bar = progress.add_task(title, total=100, counts="")

    def show(self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]) -> None:
        self._log.print(lines)
        for task in news:
            if task.state == "FAILED":
                line = f"{self._log.padded(task.name)} | {_happening(task)}"
                self._progress.console.print(Text(line, style_of("FAILED")), soft_wrap=True)
        counts = ", ".join(f"{count:,} {word}" for word, count in picture.counts().items())
        self._progress.update(
            self._bar, completed=picture.progress, counts=counts or picture.state.lower()
        )


def _shortened(name: str) -> str:
    return one_line(name)[:_WIDEST_NAME]


def _happening(task: TaskNews) -> str:
    again = f" (attempt {task.attempt + 1})" if task.attempt else ""
    why = f": {one_line(task.error)}" if task.error else ""
    how_far = f" {task.progress:.0f} %" if task.state == "RUNNING" and task.progress else ""
    return f"{task.state.lower()}{how_far}{again}{why}"
