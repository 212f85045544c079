"""What `make test` shows at its very end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.failed_tests import FILE, failed_tests
from tests.support.second_run import MOST_TESTS, second_run

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise OSError("no such server")

def test_passes(): pass
def test_fails(): assert 1 + 1 == 3, "sums\\nare wrong"
def test_has_no_server(broken): pass
"""


FLAKY = """
import pathlib, pytest

def succeed_from_the_second_time_on(name):
    seen = pathlib.Path(name)
    if not seen.exists():
        seen.touch()
        raise OSError(f"no {name}")

@pytest.fixture
def server(): succeed_from_the_second_time_on("server")

def test_passes(): pass
def test_fails(): assert False, "always"
def test_is_slow(): succeed_from_the_second_time_on("time")
def test_has_a_server(server): pass
"""


@pytest.mark.slow
def test_each_failed_test_of_all_runs_is_listed_with_its_reason(tmp_path: Path) -> None:
    failures = tmp_path / "failures"
    for name, text in {"test_a.py": TESTS, "test_b.py": "import nothing_of_that_name\n"}.items():
        (tmp_path / name).write_text(text)
        run_tests(tmp_path / name, failures)
    assert list(failed_tests(failures).values()) == [
        "FAILED test_a.py::test_fails - AssertionError: sums are wrong assert (1 + 1) == 3",
        "FAILED test_a.py::test_has_no_server (in setup) - OSError: no such server",
        "FAILED test_b.py - E ModuleNotFoundError: No module named 'nothing_of_that_name'",
    ]


@pytest.mark.slow
def test_what_has_failed_is_run_once_more_and_only_what_fails_again_fails_the_run(
    tmp_path: Path,
) -> None:
    # Given tests that fail always, once, and once in their set-up
    file, failures = tmp_path / "test_a.py", tmp_path / "failures"
    file.write_text(FLAKY)
    status = run_tests(file, failures)
    assert status == 1
    first = failures.read_text()
    # When they are run again
    again = run(tmp_path, failures, "tests.support.second_run", status)
    # Then the one fails, and nothing is hidden of the others
    assert again.returncode == 1
    assert again.stdout.partition("Failed at first, passed")[2].splitlines()[1:] == [
        "FAILED test_a.py::test_is_slow - OSError: no time",
        "FAILED test_a.py::test_has_a_server (in setup) - OSError: no server",
        "Failed twice:",
        "FAILED test_a.py::test_fails - AssertionError: always assert False",
    ]
    # And without the one, the run has passed
    failures.write_text("".join(line for line in first.splitlines(True) if "fails" not in line))
    assert run(tmp_path, failures, "tests.support.second_run", status).returncode == 0


@pytest.mark.slow
def test_suites_are_run_again_apart_from_each_other(tmp_path: Path) -> None:
    other = "import sys\ndef test_alone():\n    assert 'test_{}' not in sys.modules\n"
    for name, beside in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text(other.format(beside))
    failures = tmp_path / "failures"
    failures.write_text("".join(f"{n}/test_{n}.py::test_alone\tFAILED {n}\n" for n in "ab"))
    again = run(tmp_path, failures, "tests.support.second_run", 1)
    assert again.stdout.splitlines()[-3:] == [
        "Failed at first, passed when run again alone:",
        "FAILED a",
        "FAILED b",
    ]
    assert again.returncode == 0


@pytest.mark.parametrize(("status", "count"), [(1, MOST_TESTS + 1), (1, 0), (3, 1)])
def test_what_is_no_accident_is_not_run_again(
    status: int, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failures, lines = tmp_path / "failures", [f"FAILED {n}" for n in range(count)]
    failures.write_text("".join(f"{n}\t{line}\n" for n, line in enumerate(lines)))
    assert second_run(status, failures) == status
    assert capsys.readouterr().out.splitlines() == lines


def run_tests(file: Path, failures: Path) -> int:
    """Its status."""
    return run(file.parent, failures, "pytest", "-q", file).returncode


def run(
    directory: Path, failures: Path, module: str, *arguments: object
) -> subprocess.CompletedProcess[str]:
    options = "-p tests.support.failed_tests -p no:cacheprovider --rootdir ."
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": options, FILE: str(failures)}
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        text=True,
        timeout=240,
    )
