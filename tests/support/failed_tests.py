"""Writes which tests have failed to the file that `make test` shows last, after all its runs."""

import os
from pathlib import Path

import pytest

_FILE = "CONVEYOR_TEST_FAILURES"
_MESSAGE_LENGTH = 200


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*_of(terminalreporter, "failed"), *_of(terminalreporter, "error")]
    if name := os.environ.get(_FILE):
        # Appended in one write: runs that go on side by side share the file.
        with Path(name).open("a", encoding="utf-8") as file:
            file.write("".join(map(_line, reports)))


def _of(reporter: pytest.TerminalReporter, outcome: str) -> list[pytest.CollectReport]:
    return list(reporter.stats.get(outcome, ()))


def _line(report: pytest.CollectReport | pytest.TestReport) -> str:
    at = (
        f" (in {report.when})"
        if isinstance(report, pytest.TestReport) and report.when != "call"
        else ""
    )
    return f"FAILED {report.nodeid}{at} - {_message(report)}\n"


def _message(report: pytest.CollectReport | pytest.TestReport) -> str:
    """The line of the error, without its traceback."""
    crash = getattr(report.longrepr, "reprcrash", None)  # not there when collecting has failed
    text = crash.message if crash else report.longreprtext.strip().rpartition("\n")[2]
    return " ".join(str(text).split())[:_MESSAGE_LENGTH]
