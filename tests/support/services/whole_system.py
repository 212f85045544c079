"""A whole system of real processes: RabbitMQ, Postgres and services, each in its place."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers.postgres import private_server
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster, Service

Places = Mapping[str, Mapping[str, str]]
"""The settings of each service, by a place such as `worker-1`."""


class WholeSystem:
    """`services` by their places."""

    def __init__(self, rabbit: PrivateRabbit, dsn: str, directory: Path) -> None:
        self.rabbit = rabbit
        self.dsn = dsn
        self.directory = directory
        self.services: dict[str, Service] = {}
        self._cluster = Cluster(rabbit.url, dsn, directory)

    async def start(self, places: Places) -> None:
        for place, env in places.items():
            self.services[place] = self._cluster.start(place.partition("-")[0], env)
        await self._cluster.wait_up()

    def close(self) -> None:
        self._cluster.close()

    @property
    def database_port(self) -> int:
        return urlsplit(self.dsn).port or 0

    @property
    def coordinators(self) -> list[str]:
        """Their URLs."""
        return [s.url for place, s in self.services.items() if place.startswith("coordinator")]

    @property
    def ended(self) -> Iterator[str]:
        """Which services have gone, which none should."""
        for place, service in self.services.items():
            if (code := service.process.poll()) is not None:
                yield f"{place} has ended with {code}"


@asynccontextmanager
async def opened_whole_system(
    directory: Path, places: Places, postgres_settings: Mapping[str, str]
) -> AsyncIterator[WholeSystem]:
    """Started, with every service UP; `postgres_settings` are the server's."""
    async with AsyncExitStack() as parts:
        rabbit = PrivateRabbit()
        parts.callback(rabbit.close)
        rabbit.launch()
        postgres = parts.enter_context(private_server(directory / "postgres", postgres_settings))
        await asyncio.to_thread(rabbit.wait_ready)
        system = WholeSystem(rabbit, postgres.tcp_dsn, directory)
        parts.push_async_callback(asyncio.to_thread, system.close)
        await system.start(places)
        yield system
