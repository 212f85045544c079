"""The end of `make test`: what has failed is run once more, alone; only what fails again fails it.

`python -m tests.support.second_run STATUS` is given the status of all runs together; what has
failed is in the file that CONVEYOR_TEST_FAILURES names. Its own status is that of the whole.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.support.failed_tests import FILE, failed_tests

MOST_TESTS = 20  # more are no accident
_PASSED, _TESTS_FAILED = 0, 1


def second_run(status: int, failures: Path) -> int:
    first = failed_tests(failures)
    # Any other status: something else went wrong, such as a run that did not start.
    if status != _TESTS_FAILED or not 0 < len(first) <= MOST_TESTS:
        _tell(first.values())
        return status
    _tell(["", f"Running again what has failed, alone: {len(first)} of all tests"])
    done, second = _PASSED, dict[str, str]()
    # Each suite in a process of its own, as before: a browser takes the event loop of others.
    for _, names in groupby(sorted(first), key=_suite):
        tests = list(names)
        if status := _run_alone(tests, again := failures.with_suffix(".again")):
            done |= status
            # A run that did not even start tells of no test: all are taken to fail.
            second |= failed_tests(again) or {name: first[name] for name in tests}
    passed = [line for name, line in first.items() if name not in second]
    if passed:
        _tell(["Failed at first, passed when run again alone:", *passed])
    if second:
        _tell(["Failed twice:", *second.values()])
    return done


def _run_alone(tests: Iterable[str], failures: Path) -> int:
    """Its status; what fails is in the file."""
    failures.unlink(missing_ok=True)
    command, environment = [sys.executable, "-m", "pytest", *tests], {FILE: str(failures)}
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def _suite(name: str) -> Path:
    return Path(name.partition("::")[0]).parent


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(second_run(int(sys.argv[1]), Path(os.environ[FILE])))
