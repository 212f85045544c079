"""Schedulers that are killed while they remove the files of a deleted job: nothing of it stays."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.files.names import job_prefix
from tests.support.eventually import eventually
from tests.support.files.failing_store import FailingStore
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster

pytestmark = pytest.mark.real

JOB = "0a" * 16
OTHER = "0b" * 16 + "/t/0.1/out"
COUNT = 1000
CLAIMS_ARE_OVER = "UPDATE object_removals SET due_at = now()"


async def test_another_scheduler_removes_what_a_killed_one_has_left(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> None:
    store = FailingStore(tmp_path / "files")
    await store.fill(OTHER, *(f"{job_prefix(JOB)}t/0.1/{number}" for number in range(COUNT)))
    cluster = Cluster(
        private_rabbit.url,
        private_postgres.tcp_dsn,
        tmp_path,
        CONVEYOR_FILES_STORE=str(tmp_path / "files"),
        CONVEYOR_RETENTION_ROUND_SECONDS="0.1",
    )

    async def are_less_than(most: int) -> bool:
        return len(await store.names(job_prefix(JOB))) < most

    connection = None
    try:
        scheduler = cluster.start("scheduler")
        await cluster.wait_up()
        connection = await asyncpg.connect(private_postgres.tcp_dsn)
        await connection.execute(
            "INSERT INTO object_removals (prefix) VALUES ($1)", job_prefix(JOB)
        )
        await eventually(lambda: are_less_than(COUNT))
        scheduler.kill()
        assert await connection.fetchval("SELECT count(*) FROM object_removals") == 1
        cluster.services.remove(scheduler)
        cluster.start("scheduler")
        await cluster.wait_up()
        await connection.execute(CLAIMS_ARE_OVER)
        await eventually(lambda: are_less_than(1))
        assert await store.names() == [OTHER]
    finally:
        if connection is not None:
            await connection.close()
        await asyncio.to_thread(cluster.close)
