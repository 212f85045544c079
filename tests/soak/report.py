"""The one table, and the findings below it."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.soak.outcome import Line, Outcome

_WIDTH = 150
_SHOWN = 40
_COLUMNS = ("start", "end", "an hour", "at least", "limit", "rest before", "rest after")


def print_outcome(outcome: Outcome) -> None:
    console = Console(width=_WIDTH)
    jobs = sum(outcome.ended.values())
    minutes = outcome.seconds / 60
    table = Table(
        title=f"Soak: {minutes:.1f} minutes, {jobs:,} jobs {dict(outcome.ended)}",
        title_justify="left",
    )
    table.add_column("service", no_wrap=True)
    table.add_column("series", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    table.add_column("verdict")
    who = ""
    for line in outcome.lines:
        if who and who != line.name.who:
            table.add_section()
        table.add_row("" if who == line.name.who else line.name.who, f"{line.name}", *_cells(line))
        who = line.name.who
    console.print(table)
    findings = list(Counter(outcome.findings).items())
    for finding, times in findings[:_SHOWN]:
        console.print(f"  {finding} ({times} times)", highlight=False, soft_wrap=True)
    console.print("nothing grows, nothing is left" if not findings else f"{len(findings)} findings")


def _cells(line: Line) -> list[str]:
    verdict = line.verdict
    told = (
        [verdict.start, verdict.end, verdict.per_hour, verdict.at_least, verdict.limit]
        if verdict
        else [None] * 5
    )
    words = [word for word, is_so in (("GROWS", line.has_grown), ("LEFT", line.is_left)) if is_so]
    return [*map(_text, [*told, line.before, line.after]), " ".join(words) or "flat"]


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
