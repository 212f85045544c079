"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import click
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from cli.messages import one_line
from cli.references import short_ids
from cli.views import Json, items_of

_WIDE = 100_000  # a pipe has no width: nothing is cut there
_GAP = 2
_LEAST_TEXT = 8

_STYLES = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "STOPPED": "yellow",
    "RUNNING": "cyan",
    "UP": "green",
    "DOWN": "red",
    "OFFLINE": "red",
    "REJECTED": "red",
    "CORDONED": "yellow",
    "DRAINING": "yellow",
    "ACTIVE": "green",
    "PAUSED": "yellow",
    "FIRED": "green",
    "SKIPPED": "yellow",
    "HELD": "cyan",
}


def screen(*, to_stderr: bool = False) -> Console:
    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console


def print_json(answer: Any) -> None:  # noqa: ANN401 - JSON
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def print_answer(answer: Any, text: str, *, as_json: bool) -> None:  # noqa: ANN401 - JSON
    """The response of the API, or `text` instead."""
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


Cell = str | Text


def print_table(columns: Mapping[str, str], rows: Iterable[Sequence[Cell]]) -> None:
    console = screen()
    _print_without_padding(console, table_of(columns, rows, console.width))


def table_of(columns: Mapping[str, str], rows: Iterable[Sequence[Cell]], room: int) -> Table:
    """`columns`: each heading with its manner: `text` gives way on a narrow terminal, `right`
    (numbers) and `whole` don't. Where that isn't enough, the last columns are left out."""
    cells = [[_text(cell) for cell in row] for row in rows]
    wanted = [
        max(len(heading), *(row[n].cell_len for row in cells), 0)
        for n, heading in enumerate(columns)
    ]
    widths = _widths(wanted, [manner == "text" for manner in columns.values()], room)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for width, (heading, manner) in zip(widths, columns.items(), strict=False):
        justify: JustifyMethod = "right" if manner == "right" else "left"
        table.add_column(heading, no_wrap=True, width=width, justify=justify)
    for row in cells:
        table.add_row(*row[: len(widths)])
    return table


def shown_ids(ids: Sequence[str]) -> Mapping[str, str]:
    """Each as it is listed: cut on a terminal, whole in a pipe."""
    return short_ids(ids) if screen().is_terminal else dict(zip(ids, ids, strict=True))


def print_list(
    answer: Any,  # noqa: ANN401 - JSON
    columns: Mapping[str, str],
    row: Callable[[Json], Sequence[Cell]],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """The items of a response as a table; `nothing` tells that there are none."""
    if as_json:
        print_json(answer)
    elif found := items_of(answer):
        print_table(columns, map(row, found))
    else:
        click.echo(nothing, err=True)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(one_line(cell))


def _widths(wanted: Sequence[int], gives_way: Sequence[bool], room: int) -> Sequence[int]:
    """Of those columns that fit, from the left; the first is always shown, as wide as it wants."""
    pairs = list(zip(wanted, gives_way, strict=True))
    widths = [min(width, _LEAST_TEXT) if gives else width for width, gives in pairs]
    ends = accumulate(width + _GAP for width in widths)
    widths = widths[: max(1, sum(1 for end in ends if end - _GAP <= room))]
    spare = room - sum(widths) - _GAP * (len(widths) - 1)
    for n, width in enumerate(widths):
        more = max(0, min(spare, wanted[n] - width))
        widths[n] += more
        spare -= more
    return widths


def _print_without_padding(console: Console, table: Table) -> None:
    """Rich fills the last column up with spaces, which are in the way of copying and of pipes."""
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def state_text(state: str) -> Text:
    return Text(state.lower(), style_of(state))


def style_of(state: str) -> str:
    return _STYLES.get(state, "dim")
