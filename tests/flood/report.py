"""The tables of a flood, and the findings below them."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.flood.outcome import MOST_OVERTAKEN, Outcome, percentiles
from tests.flood.reader import ASKED, Read

_WIDTH = 110


def print_outcome(outcome: Outcome) -> None:
    console = Console(width=_WIDTH)
    for table in (_course(outcome), _order(outcome), _reads(outcome), _memory(outcome)):
        console.print(table)
    for finding in outcome.findings:
        console.print(f"  {finding}", highlight=False, soft_wrap=True)
    console.print("nothing found" if not outcome.findings else "")


def _course(outcome: Outcome) -> Table:
    jobs, refused = outcome.jobs, sum(outcome.refused.values())
    table = _table(f"{jobs:,} jobs as fast as they are taken", "", "seconds", "jobs/s")
    for name, seconds in (
        ("submitted", outcome.submit_seconds),
        ("all completed", outcome.all_seconds),
    ):
        table.add_row(name, f"{seconds:.1f}", f"{jobs / seconds:.0f}")
    table.caption = (
        f"most unfinished jobs {outcome.most_waiting:,}, outbox rows {outcome.most_outbox:,}; "
        f"told to come later {refused:,} times"
    )
    return table


def _order(outcome: Outcome) -> Table:
    table = _table(
        f"order (at most {MOST_OVERTAKEN} overtake)",
        *("priority", "tasks", "overtaken by p99", "most", "lower ones first p99", "most "),
    )
    for priority, counts in sorted(outcome.overtaken.items(), reverse=True):
        passed = outcome.passed_over.get(priority, ())
        ours, theirs = percentiles(counts), percentiles(passed)
        cells = (ours.p99, ours.most, *((theirs.p99, theirs.most) if passed else ()))
        table.add_row(f"{priority}", f"{ours.count}", *(f"{cell:.0f}" for cell in cells))
    return table


def _reads(outcome: Outcome) -> Table:
    table = _table(
        f"reads, ms (at most {outcome.p95_milliseconds:g} at p95)",
        *("while", "asked for", "times", "p50", "p95", "p99", "most"),
    )
    for phase, asked, reads in _groups(outcome):
        p = percentiles([read.milliseconds for read in reads])
        cells = (f"{value:.0f}" for value in (p.p50, p.p95, p.p99, p.most))
        table.add_row(phase, asked, f"{p.count}", *cells)
    return table


def _groups(outcome: Outcome) -> Iterator[tuple[str, str, list[Read]]]:
    for phase, reads in outcome.reads.items():
        yield phase, "all", list(reads)
        for asked in ASKED:
            yield "", asked, [read for read in reads if read.asked == asked]


def _memory(outcome: Outcome) -> Table:
    table = _table("most memory, MB", "process", "MB")
    for place, megabytes in outcome.peaks.items():
        table.add_row(place, f"{megabytes:.0f}")
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column(first)
    for name in others:
        table.add_column(name.strip(), justify="left" if name == "asked for" else "right")
    return table
