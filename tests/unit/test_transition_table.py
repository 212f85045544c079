"""A slip in the transition table does not get past the type checker."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from shared.lifecycle import decide as exported
from shared.lifecycle.events import JobEvent, TaskEvent

_TABLE = Path(sys.modules[exported.__module__].__file__ or "")
_ROW = re.compile(
    r"        case (?P<events>[aefkprsuw]\.[^:]+):\n            return (?P<rule>[\w.]+)\(.*\)\n"
)


def _events(row: re.Match[str]) -> list[str]:
    return re.findall(r"[aefkprsuw]\.(\w+)\(\)", row["events"])


def _rows(source: str) -> list[re.Match[str]]:
    return list(_ROW.finditer(source))


def _tables(source: str) -> Iterator[str]:
    """Each function with rows as a module of its own, which takes the others from the real one."""
    head, *functions = re.split(r"^(?=def )", source, flags=re.MULTILINE)
    names = {re.match(r"def (\w+)", function)[1]: function for function in functions}  # type: ignore[index]
    for name, function in names.items():
        if _rows(function):
            others = ", ".join(names.keys() - {name})
            yield f"{head}from {exported.__module__} import {others}\n{function}"


def _slips(table: str) -> Iterator[tuple[str, str]]:
    """The table without each of its rows, and with the rules of each two that follow swapped."""
    for row in _rows(table):
        yield f"without_{_events(row)[0]}", table[: row.start()] + table[row.end() :]
    for first, second in pairwise(_rows(table)):
        swapped = table[: first.start("rule")] + second["rule"]
        swapped += table[first.end("rule") : second.start("rule")] + first["rule"]
        yield f"{_events(first)[0]}_as_{_events(second)[0]}", swapped + table[second.end("rule") :]


def _modules_with_errors(modules: Path) -> set[str]:
    """Those in which mypy finds an error."""
    options = ["--strict", "--config-file=", f"--cache-dir={modules / 'cache'}"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(modules)],
        capture_output=True,
        check=False,
        text=True,
        cwd=_TABLE.parents[2],
    )
    return set(re.findall(r"(\w+)\.py:\d+: error:", checked.stdout))


def test_every_event_has_a_row() -> None:
    events = [event for row in _rows(_TABLE.read_text()) for event in _events(row)]
    assert sorted(events) == sorted(e.__name__ for e in (*JobEvent.__args__, *TaskEvent.__args__))


@pytest.mark.slow
@pytest.mark.timeout(900)  # it checks the types of a hundred variants
def test_two_rules_that_are_swapped_or_one_left_out_are_type_errors(tmp_path: Path) -> None:
    tables = list(_tables(_TABLE.read_text()))
    slips = dict(slip for table in tables for slip in _slips(table))
    right = {f"as_it_is_{number}": table for number, table in enumerate(tables)}
    for name, table in (slips | right).items():
        (tmp_path / f"{name}.py").write_text(table)
    assert len(slips) > 50
    assert _modules_with_errors(tmp_path) == slips.keys()
