"""`conveyor dev`: everything in one process that stays up, as `make run` starts it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from services.dev.postgres.embedded import EmbeddedPostgres
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.servers.postgres import prepare_data

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 240  # a start takes its time beside other tests
LONG_JOB = "name: long\ntasks: [{name: a, run: 'echo started; sleep 1000'}]\n"


class Dev:
    def __init__(self, url: str, process: "subprocess.Popen[str]") -> None:
        self.url = url
        self.process = process

    async def call(self, method: str, path: str, **request: Any) -> Any:
        async with aiohttp.request(method, self.url + path, **request) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def submit(self, job: str) -> str:
        headers = {"Content-Type": "text/yaml"}
        answer = await self.call("POST", "/jobs", data=job, headers=headers)
        return str(answer["id"])

    async def until(self, job_id: str, state: str) -> Any:
        async with asyncio.timeout(60):
            while (job := await self.call("GET", f"/jobs/{job_id}"))["state"] != state:
                await asyncio.sleep(0.05)
        return job

    def read_until(self, event: str) -> None:
        """Read its log up to the line that holds `event`."""
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if event in line:
                return
        raise AssertionError("".join(lines))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def environment(data_dir: Path, port: int, drain_seconds: float = 0) -> dict[str, str]:
    return {
        **os.environ,
        "CONVEYOR_API_ADDRESS": f"127.0.0.1:{port}",
        "CONVEYOR_DEV_DATA_DIR": str(data_dir),
        "CONVEYOR_WORKER_DRAIN_SECONDS": str(drain_seconds),
        "CONVEYOR_LOG_FORMAT": "json",
    }


@contextmanager
def started_dev(
    data_dir: Path, drain_seconds: float = 0, more: Mapping[str, str] | None = None
) -> Iterator[Dev]:
    with starting_dev(data_dir, drain_seconds, more) as dev:
        dev.read_until('"conveyor_started"')
        yield dev


@contextmanager
def starting_dev(
    data_dir: Path, drain_seconds: float = 0, more: Mapping[str, str] | None = None
) -> Iterator[Dev]:
    prepare_data(data_dir / "postgres", migrated=True)
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "dev"],
        cwd=ROOT,
        env={**environment(data_dir, port, drain_seconds), **(more or {})},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Dev(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def readme_commands() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^curl [^#\n]*", text, flags=re.MULTILINE)


def run_curl(command: str, dev: Dev, job_id: str) -> Any:
    command = command.replace("http://127.0.0.1:8000", dev.url).replace("/JOB", f"/{job_id}")
    done = subprocess.run(
        ["sh", "-c", command + " --fail-with-body"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    # The log and the events of a job are no JSON.
    return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout


async def test_the_curl_lines_of_the_readme_work(tmp_path: Path) -> None:
    submit, *others = readme_commands()
    with started_dev(tmp_path) as dev:
        job_id = str(run_curl(submit, dev, "")["id"])
        job = await dev.until(job_id, "COMPLETED")
        assert job["result"] == "hello world, counted to 8"
        running = await dev.submit(LONG_JOB)
        await dev.until(running, "RUNNING")
        for command in others:
            # What follows a job ends with it.
            assert run_curl(command, dev, running if "-X PUT" in command else job_id), command
        assert dev.stop() == 0


async def test_jobs_outlive_a_restart_and_what_ran_starts_again(tmp_path: Path) -> None:
    with started_dev(tmp_path) as dev:
        done = await dev.submit("name: a\ntasks: [{name: a, run: 'true'}]\n")
        await dev.until(done, "COMPLETED")
        running = await dev.submit(LONG_JOB)
        before = await dev.until(running, "RUNNING")
        assert dev.stop() == 0
    with started_dev(tmp_path) as dev:
        assert (await dev.call("GET", f"/jobs/{done}"))["state"] == "COMPLETED"
        async with asyncio.timeout(60):
            while started_at(await dev.call("GET", f"/jobs/{running}")) in ("", started_at(before)):
                await asyncio.sleep(0.05)
        assert dev.stop() == 0


async def test_after_a_kill_what_ran_is_ended_and_starts_again_at_once(tmp_path: Path) -> None:
    # Given a task that runs when Conveyor is killed, and a lease that would last for minutes
    pids = tmp_path / "pids"
    run = f"echo $$ >> {pids}; test $(wc -l < {pids}) -gt 1 || sleep 1000"
    lease = {"CONVEYOR_WORKER_LEASE_SECONDS": "300"}
    with started_dev(tmp_path / "data", more=lease) as dev:
        job_id = await dev.submit(f"name: a\ntasks: [{{name: a, run: '{run}'}}]\n")
        await dev.until(job_id, "RUNNING")
        await eventually(lambda: pids.exists() and pids.read_text().endswith("\n"))
        killed = next(iter(await dev.call("GET", "/nodes")))["id"]
        dev.process.kill()
        dev.process.wait()
    # When it starts again
    with started_dev(tmp_path / "data", more=lease) as dev:
        # I expect the job to complete now, and its earlier process to be gone
        await dev.until(job_id, "COMPLETED")
        first, second = map(int, pids.read_text().split())
        assert first != second
        assert not is_running(first)
        states = {node["id"]: node["status"] for node in await dev.call("GET", "/nodes")}
        assert states.pop(killed, "OFFLINE") == "OFFLINE"
        assert list(states.values()) == ["UP"]
        assert dev.stop() == 0


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # killed; whoever is the first process here has not noticed yet


def started_at(job: Any) -> str:
    """When the job's first task started, in its present dispatch; empty before that."""
    return str(job["execution"][0].get("startedAt", ""))


@pytest.mark.parametrize("taken", ["port", "data directory"])
def test_what_is_in_use_is_named_in_one_line(tmp_path: Path, taken: str) -> None:
    with started_dev(tmp_path / "first") as first:
        port = int(first.url.rpartition(":")[2])
        second = environment(tmp_path / "second", port)
        if taken == "data directory":
            second = environment(tmp_path / "first", free_port())
        done = subprocess.run(
            [sys.executable, "-m", "cli", "dev"],
            cwd=ROOT,
            env=second,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        first.stop()
    assert done.returncode == 1
    reason = json.loads(done.stderr.splitlines()[-1])["reason"]
    assert "Traceback" not in done.stderr
    assert ("in use" if taken == "port" else "another process uses") in reason


async def test_what_runs_is_finished_before_it_stops(tmp_path: Path) -> None:
    # Given a task that runs until it is let go
    gate = tmp_path / "gate"
    job = f"name: a\ntasks: [{{name: a, run: 'until test -e {gate}; do sleep 0.05; done'}}]\n"
    with started_dev(tmp_path / "data", drain_seconds=60) as dev:
        job_id = await dev.submit(job)
        before = await dev.until(job_id, "RUNNING")
        # When Conveyor is told to stop meanwhile
        dev.process.send_signal(signal.SIGINT)
        dev.read_until('"drain_started"')
        gate.touch()
        assert dev.process.wait(60) == 0
    # I expect the task to have completed, in its first and only run
    with started_dev(tmp_path / "data") as dev:
        after = await dev.until(job_id, "COMPLETED")
        assert started_at(after) == started_at(before)
        assert dev.stop() == 0


async def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    with starting_dev(tmp_path) as dev:
        dev.read_until('"worker_started"')
        dev.process.send_signal(signal.SIGINT)
        rest = dev.process.communicate(timeout=TIMEOUT_SECONDS)[1]
    assert dev.process.returncode == 0, rest
    assert "Traceback" not in rest


async def test_what_is_decided_while_it_stops_is_still_told_to_webhooks(tmp_path: Path) -> None:
    # Given jobs that run when Conveyor is told to stop, and a webhook that nobody answers yet
    gate, data = tmp_path / "gate", tmp_path / "data"
    hook = f"http://127.0.0.1:{free_port()}/"
    run = f"until test -e {gate}; do sleep 0.05; done"
    job = (
        f"name: a\nwebhooks: [{{url: '{hook}', if: \"job.state == 'COMPLETED'\"}}]\n"
        f"tasks: [{{name: a, run: '{run}'}}]\n"
    )
    with started_dev(data, drain_seconds=60) as dev:
        ids = [await dev.submit(job) for _ in range(2)]
        for job_id in ids:
            await dev.until(job_id, "RUNNING")
        dev.process.send_signal(signal.SIGINT)
        dev.read_until('"drain_started"')
        gate.touch()
        assert dev.process.wait(60) == 0
    # I expect a call to be owed for the end of each
    async with EmbeddedPostgres(data / "postgres") as dsn:
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch(
            "SELECT job_id FROM webhook_deliveries WHERE state = 'PENDING'"
        )
        await connection.close()
    assert sorted(row["job_id"] for row in rows) == sorted(ids)
