"""Running a service: signals ask for a stop, errors end the process."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs

from shared.process.run import Stop, run_service

PROGRAM = """
import asyncio, sys
from shared.process.run import Stop, run_service

async def wait_for_signals(stop: Stop) -> None:
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    if sys.argv[1] != "stop":
        await stop.wait_abort()
        print("hurrying", flush=True)
    if sys.argv[1] == "stuck":
        await asyncio.Event().wait()

async def fail(stop: Stop) -> None:
    async def broken() -> None:
        raise ValueError("a bug")
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_for_signals(stop))
        group.create_task(broken())

raise SystemExit(run_service(fail if sys.argv[1] == "fail" else wait_for_signals))
"""


@contextmanager
def service(kind: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def expect(process: subprocess.Popen[str], word: str) -> None:
    """Read the output up to a line with that word."""
    assert process.stdout
    assert any(word in line for line in process.stdout), f"it ended without saying {word!r}"


def test_a_signal_asks_the_service_to_stop() -> None:
    with service("stop") as process:
        expect(process, "ready")
        process.send_signal(signal.SIGTERM)
        expect(process, "stopping")
        assert process.wait(10) == 0


def test_a_second_signal_asks_it_to_hurry() -> None:
    with service("abort") as process:
        expect(process, "ready")
        process.send_signal(signal.SIGTERM)
        expect(process, "stopping")
        process.send_signal(signal.SIGINT)
        expect(process, "hurrying")
        assert process.wait(10) == 0


def test_a_third_signal_ends_a_service_that_is_stuck() -> None:
    with service("stuck") as process:
        expect(process, "ready")
        process.send_signal(signal.SIGTERM)
        expect(process, "stopping")
        process.send_signal(signal.SIGTERM)
        expect(process, "hurrying")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_an_error_in_one_task_ends_the_process_with_its_reason() -> None:
    with service("fail") as process:
        expect(process, "ValueError: a bug")
        assert process.wait(10) == 1


def test_an_address_that_is_taken_is_one_line_and_no_traceback() -> None:
    async def taken(_: Stop) -> None:
        async with asyncio.TaskGroup():
            raise OSError(98, "address already in use")

    with capture_logs() as lines:
        assert run_service(taken) == 1
    [line] = lines
    assert "address already in use" in line["error"]
    assert "exc_info" not in line
