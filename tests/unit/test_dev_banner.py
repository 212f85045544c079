"""What `conveyor dev` says on a terminal when it is up."""

import io
import sys
from pathlib import Path

import pytest

from services.dev.banner import print_banner


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(url: str, terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", terminal)
    print_banner(url)
    return terminal.getvalue()


def test_the_banner_has_the_address_and_three_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/conveyor")
    text = shown("http://127.0.0.1:8000", Terminal(), monkeypatch)
    assert "Conveyor is running at http://127.0.0.1:8000\n" in text
    commands = [line for line in text.splitlines() if line.startswith("    conveyor")]
    assert [command.split()[:2] for command in commands] == [
        ["conveyor", "examples"],
        ["conveyor", "list"],
        ["conveyor", "examples"],
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_where_the_command_or_the_address_is_not_the_usual_one_the_banner_says_how_to_find_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "conveyor").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("shutil.which", lambda _: None)
    text = shown("http://127.0.0.1:8001", Terminal(), monkeypatch)
    assert f"    export PATH={tmp_path}:$PATH\n" in text
    assert "    export CONVEYOR_URL=http://127.0.0.1:8001\n" in text


def test_a_log_has_no_banner(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown("http://127.0.0.1:8000", io.StringIO(), monkeypatch) == ""
