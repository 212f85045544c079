"""The four services as real processes: started from their modules, watched, stopped by pid."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from bench.ground import Resources
from tests.support.services.cluster import Service

COORDINATOR, SCHEDULER = "coordinator", "scheduler"
DISPATCHER, WORKER = "webhook_dispatcher", "worker"

_STOP_SECONDS = 45.0  # a worker may drain for thirty


@dataclass(slots=True)
class Services:
    """Starts services on `ground`; with `profile` each leaves a profile in that folder."""

    ground: Resources
    profile: Path | None = None
    running: list[Service] = field(default_factory=list)

    async def start(
        self, name: str, settings: Mapping[str, str] | None = None, *, gives_way: bool = False
    ) -> Service:
        """`settings` are CONVEYOR_… variables. One that `gives_way` takes processor time that the
        others leave, as if it ran on another machine. Returns when /health is green."""
        log = self.ground.folder / f"{name}-{len(self.running)}.log"
        env = _environment(self.ground) | dict(settings or {})
        service = Service(name, env, log, command=partial(self._command, name, gives_way))
        self.running.append(service)
        async with aiohttp.ClientSession() as session:
            await service.wait_up(session)
        return service

    async def stop(self, service: Service) -> None:
        self.running.remove(service)
        await asyncio.to_thread(service.stop, _STOP_SECONDS)

    def kill(self, service: Service) -> None:
        self.running.remove(service)
        service.kill()

    async def stop_all(self) -> None:
        """The workers first: somebody must still take what they report on their way out."""
        for service in sorted(self.running, key=lambda service: service.name != WORKER):
            await self.stop(service)

    def _command(self, name: str, gives_way: bool, port: int) -> list[str]:
        python = [*(["nice"] if gives_way else []), sys.executable, "-m"]
        module = f"services.{name}"
        if self.profile is None:
            return [*python, module]
        target = self.profile / f"{name}-{port}.txt"
        return [*python, "bench.profiled", str(target), module]


@asynccontextmanager
async def opened_services(
    ground: Resources, worker: Mapping[str, str], profile: Path | None = None
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


def _environment(ground: Resources) -> dict[str, str]:
    """What the caller has set for his own Conveyor must not be measured."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONVEYOR_")}
    return inherited | {
        "CONVEYOR_BROKER_URL": ground.amqp_url,
        "CONVEYOR_POSTGRES_DSN": ground.dsn,
        "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
