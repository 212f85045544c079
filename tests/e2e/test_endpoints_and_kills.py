"""Webhook endpoints while dispatchers are killed: real processes on a real Postgres."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from shared.process.sealing import Sealer
from shared.process.signing import check_signature, new_secret, read_secret
from tests.support.eventually import eventually
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.servers.postgres import PrivatePostgres
from tests.support.services.cluster import Cluster
from tests.support.services.dispatcher import TASK
from tests.support.services.endpoints import add_endpoint

pytestmark = pytest.mark.real

JOBS = 120
AT_ONCE = 6
ENDPOINTS = 5
CHANGES_OF_A_JOB = 7
KILLS = 6
SEED = 11
EVENTS = ["job.StateChange", "task.StateChange"]
SECRET = new_secret()

# What there is to be told: a number of the job for each change of a state.
CHANGES = """
SELECT c.change ->> 'job_id' AS job, (c.change ->> 'version')::int AS version
FROM job_events e, jsonb_array_elements(e.changes) AS c(change)
WHERE c.change ->> 'is_progress' IS NULL
"""
DELIVERIES = """
SELECT d.id, e.description AS name, job_id, version
FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
"""


@dataclass
class Receiver:
    """The endpoint, the job and the number of its change, by the id of the delivery."""

    url: str = ""
    heard: dict[str, tuple[str, str, int]] = field(default_factory=dict)

    async def on_post(self, request: web.Request) -> web.Response:
        body = await request.read()
        check_signature(read_secret(SECRET), request.headers, body, time.time())
        assert request.headers["X-Token"] == "t0ken"
        data = (await request.json())["data"]
        job, sequence = data.get("jobId", data["id"]), int(request.headers["conveyor-sequence"])
        told = request.match_info["endpoint"], job, sequence
        assert self.heard.setdefault(request.headers["webhook-id"], told) == told
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{endpoint}", receiver.on_post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def test_killed_dispatchers_neither_lose_a_change_nor_tell_it_under_two_ids(
    private_postgres: PrivatePostgres, cluster: Cluster
) -> None:
    async with batcher_rig(private_postgres.tcp_dsn) as rig, receiving() as receiver:
        names = [f"e{number}" for number in range(ENDPOINTS)]
        for name in names:
            await endpoint(rig, name, f"{receiver.url}/{name}")
        for _ in range(2):
            cluster.start("webhook_dispatcher")
        killing = asyncio.create_task(kill_some(cluster, receiver))
        for _ in range(JOBS // AT_ONCE):
            await asyncio.gather(*(run_job(rig) for _ in range(AT_ONCE)))
        await killing
        expected = sorted(
            (name, row["job"], row["version"])
            for row in await rig.pool.fetch(CHANGES)
            for name in names
        )
        assert len(expected) == JOBS * CHANGES_OF_A_JOB * ENDPOINTS
        await eventually(lambda: is_owed(rig, len(expected)))
        rows = await rig.pool.fetch(DELIVERIES)
        assert sorted((row["name"], row["job_id"], row["version"]) for row in rows) == expected
        # What was called is one of them, under its id. What a killed dispatcher was about to call
        # is called later, as that of any other webhook.
        ids = {row["id"]: (row["name"], row["job_id"], row["version"]) for row in rows}
        assert len(ids) == len(expected)
        await more_calls(receiver, len(ids) // 2 - len(receiver.heard))
        assert receiver.heard.items() <= ids.items()


async def is_owed(rig: Rig, count: int) -> bool:
    return bool(await rig.pool.fetchval("SELECT count(*) >= $1 FROM webhook_deliveries", count))


async def endpoint(rig: Rig, name: str, url: str) -> None:
    await add_endpoint(
        rig.pool,
        Sealer(),  # the dispatchers have no key
        events=EVENTS,
        url=url,
        secret=SECRET,
        headers={"X-Token": "t0ken"},
        description=name,
    )


async def run_job(rig: Rig) -> None:
    await rig.run_current(await rig.submit([TASK]))


async def kill_some(cluster: Cluster, receiver: Receiver) -> None:
    """One of the two that run, each time after some more calls."""
    chosen = random.Random(SEED)
    for _ in range(KILLS):
        await more_calls(receiver, chosen.randrange(20, 300))
        running = [service for service in cluster.services if service.process.poll() is None]
        chosen.choice(running).kill()
        cluster.start("webhook_dispatcher")


async def more_calls(receiver: Receiver, count: int) -> None:
    wanted = len(receiver.heard) + count
    await eventually(lambda: len(receiver.heard) >= wanted)
