"""What `make test` shows at its very end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise OSError("no such server")

def test_passes(): pass
def test_fails(): assert 1 + 1 == 3, "sums\\nare wrong"
def test_has_no_server(broken): pass
"""


@pytest.mark.slow
def test_each_failed_test_of_all_runs_is_listed_with_its_reason(tmp_path: Path) -> None:
    failures = tmp_path / "failures"
    for name, text in {"test_a.py": TESTS, "test_b.py": "import nothing_of_that_name\n"}.items():
        (tmp_path / name).write_text(text)
        run_tests(tmp_path / name, failures)
    assert failures.read_text().splitlines() == [
        "FAILED test_a.py::test_fails - AssertionError: sums are wrong assert (1 + 1) == 3",
        "FAILED test_a.py::test_has_no_server (in setup) - OSError: no such server",
        "FAILED test_b.py - E ModuleNotFoundError: No module named 'nothing_of_that_name'",
    ]


def run_tests(file: Path, failures: Path) -> None:
    plugin = ["-p", "tests.support.failed_tests", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "--rootdir", file.parent, file],
        cwd=file.parent,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "CONVEYOR_TEST_FAILURES": str(failures)},
        capture_output=True,
        check=False,
        timeout=60,
    )
