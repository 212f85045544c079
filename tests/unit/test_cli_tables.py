"""Tables on terminals and in pipes."""

import io

import pytest
from rich.console import Console

from cli import tables
from cli.messages import ago, exact, now
from cli.tables import print_table

COLUMNS = {"ID": "whole", "NAME": "text", "DONE": "right", "TAGS": "text"}
ROW = ("0123456789abcdef", "a name of some length", "5 %", "nightly")


def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    monkeypatch.setattr(tables, "screen", lambda: console)
    print_table(COLUMNS, [ROW])
    return capsys.readouterr().out.splitlines()


def test_a_wide_terminal_shows_everything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(capsys, monkeypatch, 100) == [
        "ID                NAME                   DONE  TAGS",
        "0123456789abcdef  a name of some length   5 %  nightly",
    ]


def test_a_narrow_one_shortens_names_then_leaves_columns_out_but_never_cuts_an_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (45, 35, 20):
        shown = printed(capsys, monkeypatch, width)
        assert shown[1].startswith(ROW[0])
        assert all(len(line) <= width for line in shown)
    assert printed(capsys, monkeypatch, 20) == ["ID", ROW[0]]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42 ms"), (1.25, "1.2 s"), (59.96, "1 min 0 s"), (7300, "2 h 1 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert exact(seconds) == text


def test_times_are_told_from_now() -> None:
    at = now()
    assert ago(at.isoformat(), at) == "just now"
    assert ago("2024-05-01T12:00:00Z", at).endswith(" d ago")
    assert ago("2124-05-01T12:00:00Z", at).startswith("in ")
