"""What the measured services stand on: a RabbitMQ and a Postgres of the run's own.

Both keep their promises as in production: messages are persistent, commits reach the disk.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiormq
import asyncpg

from services.dev.postgres.embedded import EmbeddedPostgres
from shared.postgres.migrate import migrate
from tests.support.ports import free_port
from tests.support.servers.postgres import DSN_VARIABLE
from tests.support.servers.rabbitmq import PrivateRabbit

_AMQP_VARIABLE = "CONVEYOR_TEST_AMQP_URL"


@dataclass(frozen=True, slots=True)
class Resources:
    """`folder` is for logs; it goes with the run. `versions` name the servers."""

    amqp_url: str
    dsn: str
    folder: Path
    versions: tuple[str, ...]


@asynccontextmanager
async def open_resources() -> AsyncIterator[Resources]:
    """Servers that the tests' variables name are used as they are, else private ones are made."""
    async with AsyncExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="conveyor-bench-")))
        amqp_url = os.environ.get(_AMQP_VARIABLE) or _private_rabbit(servers)
        dsn = os.environ.get(DSN_VARIABLE) or await _private_postgres(servers, folder)
        await migrate(dsn)
        yield Resources(amqp_url, dsn, folder, await _versions(amqp_url, dsn))


def _private_rabbit(servers: AsyncExitStack) -> str:
    return servers.enter_context(PrivateRabbit()).url


async def _private_postgres(servers: AsyncExitStack, folder: Path) -> str:
    server = EmbeddedPostgres(folder / "postgres", tcp_port=free_port())
    await servers.enter_async_context(server)
    return server.tcp_dsn  # as from another machine: over TCP, with a password


async def _versions(amqp_url: str, dsn: str) -> tuple[str, ...]:
    amqp = await aiormq.connect(amqp_url)
    rabbit = str(amqp.server_properties["version"])
    await amqp.close()
    connection = await asyncpg.connect(dsn)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    return f"RabbitMQ {rabbit}", f"Postgres {str(postgres).split()[0]}"
