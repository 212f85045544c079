"""The four services as real processes: started from their modules, watched, stopped by pid."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.ground import Ground
from tests.support.rabbitmq import free_ports

COORDINATOR, SCHEDULER = "coordinator", "scheduler"
DISPATCHER, WORKER = "webhook_dispatcher", "worker"

_ROOT = Path(__file__).parent.parent
_START_SECONDS = 60.0
_STOP_SECONDS = 45.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def raise_if_ended(self) -> None:
        """Raises RuntimeError with the end of its log."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended:\n{self.end_of_log}")

    @property
    def end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@dataclass(slots=True)
class Services:
    """Starts services on `ground`; with `profile` each leaves a profile in that folder."""

    ground: Ground
    profile: Path | None = None
    running: list[Service] = field(default_factory=list)

    async def start(self, name: str, settings: Mapping[str, str] | None = None) -> Service:
        """`settings` are CONVEYOR_… variables. Returns when /health is green."""
        [port] = free_ports(1)
        service = self._launch(name, port, settings or {})
        self.running.append(service)
        async with aiohttp.ClientSession() as session:
            await _wait_until_healthy(session, service)
        return service

    async def stop(self, service: Service) -> None:
        self.running.remove(service)
        service.process.terminate()
        await asyncio.to_thread(_wait_or_kill, service.process)

    async def stop_all(self) -> None:
        """The workers first: somebody must still take what they report on their way out."""
        for service in sorted(self.running, key=lambda service: service.name != WORKER):
            await self.stop(service)

    def _launch(self, name: str, port: int, settings: Mapping[str, str]) -> Service:
        log = self.ground.folder / f"{name}-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_dying_with_us(), *self._command(name, port)],
                cwd=_ROOT,
                env={**_environment(self.ground, port), **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return Service(name, process, f"http://127.0.0.1:{port}", log)

    def _command(self, name: str, port: int) -> list[str]:
        module = f"services.{name}"
        if self.profile is None:
            return [sys.executable, "-m", module]
        target = self.profile / f"{name}-{port}.txt"
        return [sys.executable, "-m", "bench.profiled", str(target), module]


@asynccontextmanager
async def opened_services(
    ground: Ground, worker: Mapping[str, str], profile: Path | None = None
) -> AsyncIterator[dict[str, Service]]:
    """One process of each service, by name; `worker` are the worker's settings."""
    services = Services(ground, profile)
    try:
        yield {
            COORDINATOR: await services.start(COORDINATOR),
            SCHEDULER: await services.start(SCHEDULER),
            DISPATCHER: await services.start(DISPATCHER),
            WORKER: await services.start(WORKER, worker),
        }
    finally:
        await services.stop_all()


def _environment(ground: Ground, port: int) -> dict[str, str]:
    """What the caller has set for his own Conveyor must not be measured."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONVEYOR_")}
    return inherited | {
        "CONVEYOR_BROKER_URL": ground.amqp_url,
        "CONVEYOR_POSTGRES_DSN": ground.dsn,
        "CONVEYOR_API_ADDRESS": f"127.0.0.1:{port}",
        "CONVEYOR_HEALTH_ADDRESS": f"127.0.0.1:{port}",
    }


def _dying_with_us() -> tuple[str, ...]:
    """A prefix that ends the service even when this run is killed with -9."""
    return ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


async def _wait_until_healthy(session: aiohttp.ClientSession, service: Service) -> None:
    """Raises RuntimeError with the end of its log."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while service.process.poll() is None:
                if await _is_healthy(session, service.url):
                    return
                await asyncio.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"{service.name} is not up:\n{service.end_of_log}")


async def _is_healthy(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health") as response:
            return response.ok
    except aiohttp.ClientConnectionError:
        return False  # it doesn't listen yet


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:  # it hangs: nothing of it may stay behind
        process.kill()
        process.wait()
