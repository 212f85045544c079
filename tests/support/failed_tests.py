"""Tells which tests have failed: at once, and in the file that `make test` reads at its end."""

import os
from pathlib import Path

import pytest

FILE = "CONVEYOR_TEST_FAILURES"
_MESSAGE_LENGTH = 200


def failed_tests(path: Path) -> dict[str, str]:
    """What the file tells: the line of each test that has failed."""
    told: dict[str, str] = {}
    if path.exists():
        for each in path.read_text(encoding="utf-8").splitlines():
            name, line = each.split("\t", 1)
            told.setdefault(name, line)
    return told


class FailedTests:
    """Tells a failure when it happens, so that a run that is ended early has told it, too."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._tell(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._tell(report)

    def _tell(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if not report.failed:
            return
        line = _line(report)
        self._terminal.write_line(f"\n{line}")
        if name := os.environ.get(FILE):
            # Appended in one write: runs that go on side by side share the file.
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\t{line}\n")


@pytest.hookimpl(trylast=True)  # when the terminal's plugin is there
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(terminal, pytest.TerminalReporter) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailedTests(terminal), "failed-tests")


def _line(report: pytest.CollectReport | pytest.TestReport) -> str:
    at = (
        f" (in {report.when})"
        if isinstance(report, pytest.TestReport) and report.when != "call"
        else ""
    )
    return f"FAILED {report.nodeid}{at} - {_message(report)}"


def _message(report: pytest.CollectReport | pytest.TestReport) -> str:
    """The line of the error, without its traceback."""
    crash = getattr(report.longrepr, "reprcrash", None)  # not there when collecting has failed
    text = crash.message if crash else report.longreprtext.strip().rpartition("\n")[2]
    return " ".join(str(text).split())[:_MESSAGE_LENGTH]
