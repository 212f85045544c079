"""The services that end-to-end tests start as processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    yield cluster
    await asyncio.to_thread(cluster.close)
