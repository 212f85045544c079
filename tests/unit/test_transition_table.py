"""A slip in the transition table does not get past the type checker."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.lifecycle import decide as exported
from shared.lifecycle.events import JobEvent, TaskEvent

_TABLE = Path(sys.modules[exported.__module__].__file__ or "")
_ROW = re.compile(
    r"        case (?P<events>[aefkprsuw]\.[^:]+):\n            return (?P<rule>[\w.]+)\(.*\)\n"
)
_NAMED = 5  # of more types that do not fit, mypy names no more than this


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


def _slips(table: str) -> Iterator[tuple[str, list[re.Match[str]]]]:
    """The table with slips in these of its rows: rows left out, as many as an error names, and the
    rules of two that follow each other swapped. Many in one table, as each takes as long to check.
    """
    rows = _rows(table)
    for first in range(0, len(rows), _NAMED):
        few = rows[first : first + _NAMED]
        yield table[: few[0].start()] + table[few[-1].end() :], few
    for first in (0, 1):
        pairs = list(_pairs(rows[first:]))
        slipped = table
        for one, other in reversed(pairs):
            slipped = _with_rule(_with_rule(slipped, other, one["rule"]), one, other["rule"])
        yield slipped, [row for pair in pairs for row in pair]


def _pairs(rows: list[re.Match[str]]) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    return zip(rows[::2], rows[1::2], strict=False)  # the last may have nobody to swap with


def _with_rule(table: str, row: re.Match[str], rule: str) -> str:
    return table[: row.start("rule")] + rule + table[row.end("rule") :]


def _misplaced_events(modules: Path) -> dict[str, set[str]]:
    """What mypy finds where it does not belong, by module."""
    options = ["--strict", "--config-file=", f"--cache-dir={modules / 'cache'}"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(modules)],
        capture_output=True,
        check=False,
        text=True,
        cwd=_TABLE.parents[2],
    )
    found: dict[str, set[str]] = {}
    for module, error in re.findall(r"(\w+)\.py:\d+: error: (.*)", checked.stdout):
        types = re.search(r'has incompatible type "([^"]+)"', error)
        found.setdefault(module, set()).update(types[1].split(" | ") if types else ())
    return found


def test_every_event_has_a_row() -> None:
    events = [event for row in _rows(_TABLE.read_text()) for event in _events(row)]
    assert sorted(events) == sorted(e.__name__ for e in (*JobEvent.__args__, *TaskEvent.__args__))


@pytest.mark.slow
def test_two_rules_that_are_swapped_or_one_left_out_are_type_errors(tmp_path: Path) -> None:
    slipped: dict[str, list[re.Match[str]]] = {}
    for table in _tables(_TABLE.read_text()):
        for text, rows in [(table, []), *_slips(table)]:
            name = f"slips_{len(slipped)}" if rows else f"as_it_is_{len(slipped)}"
            slipped[name] = rows
            (tmp_path / f"{name}.py").write_text(text)
    found = _misplaced_events(tmp_path)
    assert found.keys() == {name for name, rows in slipped.items() if rows}
    for name, rows in slipped.items():
        events = {event for row in rows for event in _events(row)}
        assert events <= found.get(name, set()), name
