"""`conveyor dev` as a process of its own, and its API for tests that are not asynchronous."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "services/coordinator/page"
NOT_BUILT = "The page is not built: run `make page` first."
OPERATORS_KEY = "the operator's own key"
AUTHENTICATION = {"CONVEYOR_AUTH_TYPE": "any", "CONVEYOR_AUTH_KEY": OPERATORS_KEY}
_SECONDS = 240.0
_FINAL = {"COMPLETED", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Stack:
    """`api` is a client of it, with all permissions."""

    url: str
    api: httpx.Client
    directory: Path
    """A directory that tests and shell tasks can share."""
    users: dict[str, str] = field(default_factory=dict)
    """The passwords of those that `add_user` has added."""

    def call(self, method: str, path: str, **request: Any) -> Any:
        answer = self.api.request(method, path, **request)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def submit(self, job: str, **query: Any) -> str:
        """The id of a job that is written in YAML."""
        headers = {"Content-Type": "text/yaml"}
        return str(self.call("POST", "/jobs", content=job, headers=headers, params=query)["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/jobs/{job_id}"))

    def until(self, job_id: str, *states: str) -> dict[str, Any]:
        """The job as soon as it is in one of the states; without any, when it has ended."""
        wanted = set(states) or _FINAL
        return dict(
            self.eventually(lambda: job if (job := self.job(job_id))["state"] in wanted else None)
        )

    def eventually(self, look: Callable[[], Any], seconds: float = _SECONDS) -> Any:
        """What `look` returns as soon as that is true."""
        ends_at = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < ends_at, "this has not come true in time"
            time.sleep(0.05)
        return found

    def add_user(self, name: str, *roles: str) -> None:
        if name in self.users:
            return
        self.users[name] = f"{name}'s password"
        new = {"username": name, "name": name.title(), "password": self.users[name]}
        self.call("POST", "/users", json=new)
        self.call("PUT", f"/users/{name}/roles", json=list(roles))


@contextmanager
def running_stack(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """With the page that `make page` has built, tasks in shells, and authentication as `settings`
    say."""
    if not (PAGE / "index.html").exists():
        pytest.fail(NOT_BUILT, pytrace=False)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings or {}
    log = directory / "conveyor.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", "cli", "dev"],
            cwd=ROOT,
            env={**os.environ, **_environment(directory, port), **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            _wait_until_up(url, process, log)
            key = settings.get("CONVEYOR_AUTH_KEY")
            headers = {"X-API-Key": key} if key else {}
            with httpx.Client(base_url=url, headers=headers, timeout=60) as api:
                yield Stack(url, api, directory)
        finally:
            _stop(process)


def _environment(directory: Path, port: int) -> dict[str, str]:
    return {
        "CONVEYOR_API_ADDRESS": f"127.0.0.1:{port}",
        "CONVEYOR_DEV_DATA_DIR": str(directory / "data"),
        "CONVEYOR_RUNTIME_TYPE": "shell",
        "CONVEYOR_WORKER_QUEUES": "default:8,highcpu:2",
        "CONVEYOR_WORKER_DRAIN_SECONDS": "0",
        "CONVEYOR_HISTORY_SAMPLE_SECONDS": "1",
        "CONVEYOR_LOG_FORMAT": "json",
    }


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends_at = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < ends_at:
        try:
            if httpx.get(f"{url}/health").status_code == 200 and _has_node(log):
                return
        except httpx.TransportError:  # it does not listen yet
            pass
        time.sleep(0.1)
    pytest.fail(f"conveyor dev is not up:\n{log.read_text(errors='replace')[-3000:]}")


def _has_node(log: Path) -> bool:
    return any(
        line.startswith("{") and json.loads(line).get("event") == "conveyor_started"
        for line in log.read_text(errors="replace").splitlines()
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:  # whatever a test finds, no process stays behind
        process.kill()
        process.wait()
