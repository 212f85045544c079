"""A worker whose heartbeats don't arrive, though it lives and knows of nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aio_pika
import aiohttp
import asyncpg
import pytest

from shared.messages.queues import HEARTBEATS
from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

_SETTINGS = {
    "CONVEYOR_WORKER_LEASE_SECONDS": "15",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "1",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "1",
}
_LONG = timedelta(seconds=40)
"""By answers to the scheduler's questions the lease must have been renewed more than once then."""
LEASE_ENDS = "SELECT max(lease_expires_at) FROM tasks"


async def test_a_task_whose_worker_s_heartbeats_lie_with_a_frozen_scheduler_is_not_run_twice(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> None:
    # Given two workers, and a task that runs on one of them
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **_SETTINGS)
    coordinator = cluster.start("coordinator")
    cluster.start("scheduler")
    for _ in range(2):
        cluster.start("worker")
    starts, go = tmp_path / "starts", tmp_path / "go"
    script = f"echo started >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    try:
        await cluster.wait_up()
        async with aiohttp.ClientSession() as session, all_heartbeats_held(private_rabbit):
            api = Api(session, coordinator.url)
            job = await api.submit({"name": "long", "tasks": [{"name": "wait", "run": script}]})
            await api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
            # When nobody hears its worker, however often its lease is about to run out
            connection = await asyncpg.connect(private_postgres.tcp_dsn)
            granted_until = await connection.fetchval(LEASE_ENDS)

            async def is_renewed_for_long() -> bool:
                return bool(await connection.fetchval(LEASE_ENDS) > granted_until + _LONG)

            await eventually(is_renewed_for_long, 180)
            await connection.close()
            # Then it has not been started again, and its end counts
            go.touch()
            assert (await api.final(job["id"]))["state"] == "COMPLETED"
        assert starts.read_text() == "started\n"
    finally:
        await asyncio.to_thread(cluster.close)


@asynccontextmanager
async def all_heartbeats_held(rabbit: PrivateRabbit) -> AsyncIterator[None]:
    """As by a frozen scheduler: taken from the queue, and neither handled nor given back."""
    async with await aio_pika.connect(rabbit.url) as connection:
        queue = await (await connection.channel()).get_queue(HEARTBEATS)
        await queue.consume(_hold, arguments={"x-priority": 10})
        yield


async def _hold(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Do nothing with it."""
