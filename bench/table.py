"""Printing: one table for each benchmark, and the line that says what it was measured on."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

_PACKAGES = ("aiormq", "asyncpg", "uvloop", "aiodocker")


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` hold texts, as many in each as there are `columns`; `notes` stand below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)


def print_table(table: Table) -> None:
    """The first column stands to the left, numbers to the right."""
    lines = [list(table.columns), *map(list, table.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.columns))]
    print(f"\n{table.title}")
    _print_line(lines[0], widths)
    print("  " + "  ".join("-" * width for width in widths))
    for line in lines[1:]:
        _print_line(line, widths)
    for note in table.notes:
        print(f"  {note}")


def _print_line(cells: Sequence[str], widths: Sequence[int]) -> None:
    first, *others = (
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    print("  " + "  ".join([first, *others]).rstrip())


def machine_line(servers: Sequence[str]) -> str:
    """`servers` are the versions of what the services stood on."""
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    parts = [
        f"{os.cpu_count()} cores ({_processor()})",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        *servers,
        *packages,
        f"load at the start {_load_text()}",
    ]
    return "machine: " + ", ".join(parts)


def _load_text() -> str:
    return " ".join(f"{load:.1f}" for load in _LOAD_AT_START)


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


# What else ran here when the run began; afterwards it would be our own load.
_LOAD_AT_START = os.getloadavg()
