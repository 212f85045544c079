"""The one table, and the findings below it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.books import Books
from tests.chaos.plan import Round

_WIDTH = 190
_FAULTS_WIDTH = 50
_SHOWN = 40

_FACTS = ("for s", "jobs", "reused", "tasks killed", "web- hooks")
_TIMES = ("flowed after s", "final after s", "at rest after s")


def print_plan(console: Console, seed: int, rounds: Sequence[Round]) -> None:
    console.print(f"seed {seed}, {len(rounds)} rounds")
    for each in rounds:
        console.print(f"  {each.number:2}. {each}, for {each.seconds:g} s", highlight=False)


def print_table(console: Console, title: str, all_books: Sequence[Books]) -> None:
    sorts = list(Books("", 0).sorts)
    table = Table(title=title, title_justify="left")
    table.add_column("faults", min_width=_FAULTS_WIDTH)
    for name in (*_FACTS, *sorts, *_TIMES):
        table.add_column(name.replace(" ", "\n"), justify="right")
    for books in all_books:
        table.add_row(*_cells(books))
    table.add_section()
    total = _total(all_books)
    table.add_row(*_cells(total))
    console.print(table)
    killed = ", ".join(f"{count} of {kind}" for kind, count in total.interrupted.most_common())
    console.print(f"  tasks killed while they ran: {killed}", highlight=False)
    findings = [f"{books.title}: {line}" for books in all_books for line in books.findings]
    for line in findings[:_SHOWN]:
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    if findings[_SHOWN:]:
        console.print(f"  and {len(findings) - _SHOWN} more")


def make_console() -> Console:
    return Console(width=_WIDTH)


def _cells(books: Books) -> list[str]:
    counts = [f"{len(lines)}" for lines in books.sorts.values()]
    numbers = (books.jobs, books.reused, books.interrupted.total(), books.webhooks)
    facts = [books.title, f"{books.seconds:g}", *map(str, numbers)]
    times = [books.flowed_after, books.final_after, books.at_rest_after]
    return [*facts, *counts, *map(_seconds, times)]


def _total(all_books: Sequence[Books]) -> Books:
    """All together; of the times the longest."""
    total = Books("all", round(sum(books.seconds for books in all_books), 1))
    total.flowed_after = _longest([books.flowed_after for books in all_books])
    total.final_after = _longest([books.final_after for books in all_books])
    total.at_rest_after = _longest([books.at_rest_after for books in all_books])
    for books in all_books:
        total.jobs += books.jobs
        total.reused += books.reused
        total.interrupted += books.interrupted
        total.webhooks += books.webhooks
        for sort, lines in books.sorts.items():
            total.sorts[sort].extend(lines)
    return total


def _longest(times: Sequence[float | None]) -> float | None:
    """None, which is never, if one of them is."""
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
