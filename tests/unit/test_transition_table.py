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


def _slips(source: str) -> Iterator[tuple[str, str]]:
    """The table without each of its rows, and with the rules of each two that follow swapped."""
    for row in _rows(source):
        yield f"without_{_events(row)[0]}", source[: row.start()] + source[row.end() :]
    for first, second in pairwise(_rows(source)):
        swapped = source[: first.start("rule")] + second["rule"]
        swapped += source[first.end("rule") : second.start("rule")] + first["rule"]
        yield f"{_events(first)[0]}_as_{_events(second)[0]}", swapped + source[second.end("rule") :]


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
    source = _TABLE.read_text()
    slips = dict(_slips(source))
    for name, slip in {**slips, "as_it_is": source}.items():
        (tmp_path / f"{name}.py").write_text(slip)
    assert len(slips) > 50
    assert _modules_with_errors(tmp_path) == slips.keys()
