"""How far files are that are sent or received: a bar on a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.messages import cut, one_line
from cli.tables import screen
from conveyor import Retries

PATIENT = Retries(tries=8)
"""A server that restarts in the middle of a file is back in time."""
_WIDEST_NAME = 30

Report = Callable[[int, int | None], None]
"""Is told how many bytes have been transferred, and of how many."""


@contextmanager
def bars() -> Iterator[Callable[[str], Report]]:
    """Gives a bar to each file, by its name."""
    console = screen(to_stderr=True)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(None), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(compact=True),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip

    def bar(name: str) -> Report:
        task = progress.add_task(cut(one_line(name), _WIDEST_NAME).replace("[", r"\["), total=None)

        def report(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        return report

    with progress:
        yield bar
