"""A database that answers and takes no writes: /health says so, and all goes on when it does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

SETTING = "default_transaction_read_only"
DOWN = {"status": "DOWN", "missing": [f"postgres: it takes no writes: {SETTING} is on"]}
JOB = {"name": "x", "tasks": [{"name": "a", "run": "true"}]}


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    for name in ("coordinator", "scheduler", "webhook_dispatcher", "worker"):
        cluster.start(name)
    try:
        await cluster.wait_up()
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


async def until_down(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{url}/health") as answer:
                if answer.status == 503 and (await answer.json()).items() >= DOWN.items():
                    return
            await asyncio.sleep(0.05)


async def test_services_are_down_while_their_database_takes_no_writes(
    cluster: Cluster, private_postgres: PrivatePostgres
) -> None:
    coordinator, *others, _worker = cluster.services
    async with aiohttp.ClientSession() as session:
        api = Api(session, coordinator.url)
        before = await api.submit(JOB)
        assert (await api.final(before["id"]))["state"] == "COMPLETED"
        # When the database is made read-only
        await private_postgres.execute(
            f"ALTER SYSTEM SET {SETTING} = on", "SELECT pg_reload_conf()"
        )
        for service in (coordinator, *others):
            await until_down(session, service.url)
        # Then jobs can be read, and whoever submits one is told to come again
        assert (await api.get(f"/jobs/{before['id']}"))["state"] == "COMPLETED"
        async with session.post(f"{coordinator.url}/jobs", json=JOB) as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)
        # And all goes on when it writes again
        await private_postgres.execute(f"ALTER SYSTEM RESET {SETTING}", "SELECT pg_reload_conf()")
        await cluster.wait_up()
        after = await api.submit(JOB)
        assert (await api.final(after["id"]))["state"] == "COMPLETED"
