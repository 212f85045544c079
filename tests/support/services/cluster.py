"""A distributed Conveyor of real processes, started, watched, killed and stopped by pid."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.ports import free_port

_UP_SECONDS = 120.0
_STOP_SECONDS = 60.0
_END_SECONDS = 120.0
_END_OF_LOG = 3000
_ADDRESS = {"coordinator": "CONVEYOR_API_ADDRESS"}
# It ends even when the test run is killed with -9. Start services in the main thread: a service
# would end with any other.
_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_ROOT = Path(__file__).parents[3]
_WEBHOOKS = {
    "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "CONVEYOR_WEBHOOK_RETRY_DELAYS": ",".join(["1s", "2s", "4s"] + ["8s"] * 25),
}


class Service:
    """One running service, of the version that lies at `code`; `url` is where its /health is (the
    coordinator's API too).

    `command` runs it, if not its own module: it is given the port.
    """

    def __init__(
        self,
        name: str,
        env: Mapping[str, str],
        log: Path,
        code: Path = _ROOT,
        command: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        self.name = name
        self.code = code
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        address = _ADDRESS.get(name, "CONVEYOR_HEALTH_ADDRESS")
        path = [str(code), *filter(None, [env.get("PYTHONPATH")])]
        with log.open("ab") as output:
            own = command(port) if command else [sys.executable, "-m", f"services.{name}"]
            self.process = subprocess.Popen(
                [*_WITH_US, *own],
                env={**env, address: f"127.0.0.1:{port}", "PYTHONPATH": os.pathsep.join(path)},
                cwd=code,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, patience_seconds: float = _STOP_SECONDS) -> int:
        """SIGTERM, wait for the end (SIGKILL when it hangs); the exit code."""
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
        try:
            return self.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:  # whatever a test finds, no process stays behind
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def wait_up(self, session: aiohttp.ClientSession) -> None:
        """Wait until its /health is 200. Raises AssertionError with its log when it isn't."""
        try:
            async with asyncio.timeout(_UP_SECONDS):
                while not await _is_up(session, self.url):
                    self.raise_if_ended()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} is not up:\n{self.end_of_log}") from None

    def raise_if_ended(self) -> None:
        """Raises AssertionError with the end of its log."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} has ended:\n{self.end_of_log}")

    @property
    def end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-_END_OF_LOG:]


class Cluster:
    """Services on one RabbitMQ and one Postgres. `env` is given to each of them."""

    def __init__(self, amqp_url: str, dsn: str, directory: Path, **env: str) -> None:
        self._directory = directory
        self.services: list[Service] = []
        self._numbers = itertools.count()
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "CONVEYOR_BROKER_URL": amqp_url,
            "CONVEYOR_POSTGRES_DSN": dsn,
            "CONVEYOR_RUNTIME_TYPE": "shell",
            # What a killed worker leaves goes with the test's own directory.
            "CONVEYOR_RUNTIME_SHELL_WORKDIR_ROOT": str(directory),
            **env,
        }

    def start(
        self,
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        code: Path = _ROOT,
        command: Callable[[int], Sequence[str]] | None = None,
        **settings: str,
    ) -> Service:
        """`settings` are more of `env`, `code` is where another version lies; `command` as a
        `Service` has it."""
        log = self._directory / f"{name}-{next(self._numbers)}.log"
        # A version before knows neither, and doesn't start with a setting that it doesn't know.
        env = {**self._env, **(_WEBHOOKS if code == _ROOT else {}), **(env or {}), **settings}
        service = Service(name, env, log, code, command)
        self.services.append(service)
        return service

    async def wait_up(self) -> None:
        """Wait until every service's /health is 200. Raises with its log when one isn't."""
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(service.wait_up(session) for service in self.services))

    def close(self) -> None:
        for service in self.services:
            if service.process.poll() is None:
                service.send(signal.SIGTERM)
        for service in self.services:
            service.stop()

    def logs(self) -> str:
        return "\n".join(f"--- {each.log.name}\n{each.end_of_log}" for each in self.services)


class Api:
    """The coordinator's API, as a client of it would use it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def submit(self, job: Mapping[str, Any]) -> dict[str, Any]:
        async with self._session.post(f"{self.url}/jobs", json=job) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == 200, body
            return body

    async def submit_yaml(self, text: str, path: str = "/jobs") -> dict[str, Any]:
        headers = {"Content-Type": "text/yaml"}
        async with self._session.post(self.url + path, data=text, headers=headers) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == 200, body
            return body

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        async with self._session.post(self.url + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(f"{self.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def put(self, path: str, body: object = None) -> None:
        async with self._session.put(f"{self.url}{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def job_when(
        self,
        job_id: str,
        condition: Callable[[dict[str, Any]], bool],
        seconds: float = _END_SECONDS,
    ) -> dict[str, Any]:
        """The job as soon as `condition` holds of it. Raises TimeoutError with its last state."""
        job: dict[str, Any] = {}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    job = await self.get(f"/jobs/{job_id}")
                    if condition(job):
                        return job
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"the job is still {job}") from None

    async def final(self, job_id: str, seconds: float = _END_SECONDS) -> dict[str, Any]:
        ends = ("COMPLETED", "FAILED", "CANCELLED")
        return await self.job_when(job_id, lambda job: job["state"] in ends, seconds)


async def _is_up(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health") as answer:
            return answer.status == 200
    except aiohttp.ClientError:  # it does not listen yet
        return False
