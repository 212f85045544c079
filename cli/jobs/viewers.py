"""How a job looks while it is followed: a progress bar on a terminal, lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.follow.live import Viewer
from cli.follow.log import LogLine
from cli.follow.picture import Picture, TaskNews
from cli.messages import coarse, now, one_line, printable, seconds_between
from cli.tables import style_of
from cli.views import FINAL_JOB_STATES

_SHOWN_STATES = ("RUNNING", "COMPLETED", "FAILED", "CANCELLED", "STOPPED", "SKIPPED")
_WIDEST_NAME = 30
_MOST_RUNNING = 5


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
    board = _Board(picture)
    with Live(board, console=changes, transient=True):  # the end has a line of its own
        yield BarViewer(changes, board, printer)


class _Board:
    """The bar with the counts, and below it what runs, or why nothing does."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24, complete_style="green", finished_style="green"),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self._bar = self._progress.add_task(_shortened(picture.name), total=100)

        self._lines: list[Text] = []
        self.update()

    def __rich__(self) -> Group:
        """Asked for by a thread of its own: it looks at nothing that changes meanwhile."""
        return Group(self._progress.make_tasks_table(self._progress.tasks), *self._lines)

    def update(self) -> None:
        picture = self._picture
        self._progress.update(self._bar, completed=picture.progress)
        self._lines = list(self._below())

    def _below(self) -> Iterator[Text]:
        counts = ", ".join(f"{count:,} {word}" for word, count in self._picture.counts().items())
        yield Text(f"  {counts or self._picture.state.lower()}", "dim")
        running = self._picture.running()
        for task in running[:_MOST_RUNNING]:
            yield _line("▸", "cyan", f"{self._how_far(task)}  {_shortened(task.name)}")
        if len(running) > _MOST_RUNNING:
            yield _line("…", "dim", f"{len(running) - _MOST_RUNNING:,} more")
        if (why := self._picture.waits_for) and why.get("message"):
            yield _line("·", "yellow", f"waiting: {one_line(why['message'])}")

    def _how_far(self, task: TaskNews) -> str:
        if children := self._picture.children.get(task.id):
            return f"{children.ended:,} of {children.total:,} done"
        progress = f"{task.progress:3.0f} %  " if task.progress else ""
        return progress + (coarse(seconds_between(task.since, None, now())) if task.since else "")


def _line(mark: str, style: str, text: str) -> Text:
    return Text.assemble("  ", (mark, style), f" {text}", no_wrap=True, overflow="ellipsis")


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
            style = "red" if line.is_stderr else ""
            text = Text.assemble((f"{name} | ", "dim"), (printable(line.text), style))
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
        if (why := picture.waits_for) and why.get("message"):  # its numbers change all the time
            key, text = f"waiting {why.get('reason')}", f"waiting: {one_line(why['message'])}"
            self._print(key, self._shown.get(key, text))
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
    """Above the board the log, and what fails."""

    def __init__(self, console: Console, board: _Board, log: _LogPrinter) -> None:
        self._console = console
        self._board = board
        self._log = log

    def show(self, picture: Picture, news: Sequence[TaskNews], lines: Sequence[LogLine]) -> None:
        self._board.update()
        self._log.print(lines)
        for task in news:
            if task.state == "FAILED":
                line = f"{self._log.padded(task.name)} | {_happening(task)}"
                self._console.print(Text(line, style_of("FAILED")), soft_wrap=True)


def _shortened(name: str) -> str:
    return one_line(name)[:_WIDEST_NAME]


def _happening(task: TaskNews) -> str:
    again = f" (attempt {task.attempt + 1})" if task.attempt else ""
    why = f": {one_line(task.error)}" if task.error else ""
    how_far = f" {task.progress:.0f} %" if task.state == "RUNNING" and task.progress else ""
    return f"{task.state.lower()}{how_far}{again}{why}"
