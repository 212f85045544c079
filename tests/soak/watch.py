"""Samples the whole system, again and again, into series."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiodocker
import aiohttp
import asyncpg

from services.worker.runtimes.containers.engine_calls import connect
from tests.soak import probes
from tests.soak.kinds import Name, Sample
from tests.soak.verdict import Point
from tests.support.services.whole_system import WholeSystem

_SAMPLE_SECONDS = 5.0
_BROKER_EVERY = 4  # of these: each asks for a second of a core

Series = Mapping[Name, Sequence[Point]]


class Watch:
    """`series` are what `keep` has gathered."""

    def __init__(
        self,
        system: WholeSystem,
        session: aiohttp.ClientSession,
        connection: "asyncpg.Connection[asyncpg.Record]",
        docker: aiodocker.Docker | None,
    ) -> None:
        self._system = system
        self._session = session
        self._connection = connection
        self._docker = docker
        self.series: dict[Name, list[Point]] = {}

    async def jobs(self) -> int:
        """How many there are, over or not."""
        return int(await self._connection.fetchval(probes.JOBS))

    async def keep(self) -> None:
        """Sample until cancelled."""
        began = time.monotonic()
        number = 0
        while True:
            at = time.monotonic() - began
            sample = await (self.look() if number % _BROKER_EVERY == 0 else self._look_near())
            for name, value in sample.items():
                self.series.setdefault(name, []).append((at, value))
            number += 1
            await asyncio.sleep(began + number * _SAMPLE_SECONDS - time.monotonic())

    async def look(self) -> Sample:
        """All there is to measure. Raises RuntimeError when a service has gone."""
        broker = await probes.of_broker(self._system.rabbit, self._pids)
        return await self._look_near() | broker

    async def _look_near(self) -> Sample:
        """All but what only the broker can tell."""
        if ended := list(self._system.ended):
            raise RuntimeError(f"{ended}")
        sample = await probes.of_database(self._connection)
        sample |= probes.of_directory(self._system.directory)
        if self._docker is not None:
            sample |= await probes.of_containers(self._docker, self._connection)
        for who, service in self._system.services.items():
            pid = service.process.pid
            sample |= await probes.of_service(self._session, who, pid, service.url)
            if who.startswith("worker"):
                sample |= probes.of_worker(who, pid)
        # All that keep sessions of a pool; a worker has none.
        pids = {who: pid for who, pid in self._pids.items() if not who.startswith("worker")}
        return sample | probes.of_sockets(self._system.database_port, pids, sample)

    @property
    def _pids(self) -> dict[str, int]:
        return {who: service.process.pid for who, service in self._system.services.items()}


@asynccontextmanager
async def opened_watch(system: WholeSystem, docker_host: str | None) -> AsyncIterator[Watch]:
    async with AsyncExitStack() as parts:
        session = await parts.enter_async_context(aiohttp.ClientSession())
        connection = await asyncpg.connect(system.dsn)
        parts.push_async_callback(connection.close)
        docker = connect(docker_host) if docker_host else None
        if docker is not None and docker.connector is not None:
            parts.push_async_callback(docker.connector.close)
            parts.push_async_callback(docker.close)
        yield Watch(system, session, connection, docker)
