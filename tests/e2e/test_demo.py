"""`conveyor demo`, as a newcomer starts it: a process of its own, from start to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.engines.images import BUSYBOX

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 240  # a start takes its time beside other tests


@contextmanager
def started_demo(home: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo, with a temporary directory that is nobody else's."""
    environment = {**os.environ, "TMPDIR": str(home), "COLUMNS": "100"}
    # Whoever runs the tests in the background has them ignore Ctrl-C.
    heeding = ("env", "--default-signal=INT")
    command = [*heeding, sys.executable, "-m", "cli", "demo", *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_demo(home: Path, *arguments: str) -> tuple[int, str]:
    with started_demo(home, *arguments) as process:
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, output


def assert_nothing_is_left(home: Path) -> None:
    assert list(home.iterdir()) == []
    for process in psutil.process_iter(["cmdline"]):
        assert str(home) not in " ".join(process.info["cmdline"] or ())


def assert_in_order(output: str, *texts: str) -> None:
    places = [output.find(text) for text in texts]
    assert -1 not in places, f"{texts[places.index(-1)]!r} is missing in:\n{output}"
    assert places == sorted(places), output


def test_the_demo_shows_the_example_from_start_to_end_and_leaves_nothing(tmp_path: Path) -> None:
    exit_code, output = run_demo(tmp_path, "--image", "")
    assert exit_code == 0, output
    assert_in_order(
        output,
        "say hello    | Hello, world!",
        "say hello    | completed",
        "count        | step 1 of 8",
        "count        | step 8 of 8",
        "count        | completed",
        "put together | HELLO WORLD, COUNTED TO 8",
        "result     hello world, counted to 8",
        "COMPLETED\n\nEverything is stopped",
        "conveyor dev",
        "conveyor submit hello.yaml",
    )
    assert "count        | running " in output
    assert_nothing_is_left(tmp_path)


@pytest.mark.real
def test_with_a_container_engine_the_tasks_run_in_containers(
    tmp_path: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    exit_code, output = run_demo(tmp_path, "--image", BUSYBOX)
    assert exit_code == 0, output
    assert f"Tasks run in docker containers, with the image {BUSYBOX}." in output
    assert "result     hello world, counted to 8" in output
    assert_nothing_is_left(tmp_path)


@pytest.mark.real
def test_with_an_image_that_cannot_be_had_the_demo_says_so_and_uses_the_shell(
    tmp_path: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    exit_code, output = run_demo(tmp_path, "--image", "127.0.0.1:1/no-such-image")
    assert exit_code == 0, output
    assert "Tasks run in a shell on this machine (docker: could not pull image" in output


def test_a_job_that_fails_fails_the_demo_with_its_reason(tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text('name: bad\ntasks:\n  - name: a\n    run: "echo no luck; exit 3"\n')
    home = tmp_path / "home"
    home.mkdir()
    exit_code, output = run_demo(home, "--image", "", str(job))
    assert exit_code == 1
    assert_in_order(output, "a | no luck", "FAILED  the job is FAILED: exit code 3: no luck")
    assert_nothing_is_left(home)


def test_a_job_that_is_refused_fails_the_demo_with_the_rule(tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("name: bad\ntsks: []\n")
    exit_code, output = run_demo(tmp_path, "--image", "", str(job))
    assert exit_code == 1
    assert "tasks: is required" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with started_demo(tmp_path, "--image", "") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "step 2 of 8" in line:
                process.send_signal(number)
                break
        rest = process.stdout.read()
        assert process.wait(TIMEOUT_SECONDS) == 1
    assert "FAILED  stopped before the end of the job" in rest
    assert "Traceback" not in rest
    assert_nothing_is_left(tmp_path)
