"""The one table, and the findings below it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.books import Books
from tests.chaos.plan import Round

_WIDTH = 170
_SHOWN = 40


def print_plan(console: Console, seed: int, rounds: Sequence[Round]) -> None:
    console.print(f"seed {seed}, {len(rounds)} rounds")
    for each in rounds:
        console.print(f"  {each.number:2}. {each}, for {each.seconds:g} s", highlight=False)


def print_table(console: Console, seed: int, all_books: Sequence[Books]) -> None:
    sorts = list(Books("", 0).sorts)
    table = Table(title=f"Chaos, seed {seed}", title_justify="left")
    table.add_column("faults")
    for name in ("for s", "jobs", "webhooks", *sorts, "flowed after s", "at rest after s"):
        table.add_column(name, justify="right")
    for books in all_books:
        table.add_row(*_cells(books))
    table.add_section()
    table.add_row(*_cells(_total(all_books)))
    console.print(table)
    findings = [f"{books.title}: {line}" for books in all_books for line in books.findings]
    for line in findings[:_SHOWN]:
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    if findings[_SHOWN:]:
        console.print(f"  and {len(findings) - _SHOWN} more")


def make_console() -> Console:
    return Console(width=_WIDTH)


def _cells(books: Books) -> list[str]:
    counts = [f"{len(lines)}" for lines in books.sorts.values()]
    times = [_seconds(books.flowed_after), _seconds(books.settled_after)]
    return [
        *(books.title, f"{books.seconds:g}", f"{books.jobs}", f"{books.webhooks}"),
        *counts,
        *times,
    ]


def _total(all_books: Sequence[Books]) -> Books:
    """All together; of the times the longest."""
    total = Books("all", round(sum(books.seconds for books in all_books), 1))
    for books in all_books:
        total.jobs += books.jobs
        total.webhooks += books.webhooks
        for sort, lines in books.sorts.items():
            list(total.sorts[sort]).extend(lines)
    return total


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
