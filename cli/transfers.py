"""How far files are that are sent or received: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from cli.messages import cut, one_line
from cli.tables import screen
from conveyor import Retries
from conveyor.http import Progress

PATIENT = Retries(tries=8)
"""A server that restarts in the middle of a file is back in time."""
_WIDEST_NAME = 30


@contextmanager
def bars() -> Iterator[Callable[[str], Progress]]:
    """Gives a bar to each file, by its name."""
    console = screen(to_stderr=True)
    progress = Bars(
        TextColumn("{task.description}"), BarColumn(None), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(compact=True),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip

    def bar(name: str) -> Progress:
        task = progress.add_task(cut(one_line(name), _WIDEST_NAME).replace("[", r"\["), total=None)

        def report(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        return report

    with progress:
        yield bar
