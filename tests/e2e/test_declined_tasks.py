"""A task that an engine declines, in words nobody knows: it waits, says why, and fails at last."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.lifecycle.task_rules import MAX_ENGINE_REJECTIONS
from tests.support.engines.fake_engine import FakeEngine, fake_engine
from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

POISON = "POISON=1"
WORDS = "the moon is in the wrong house"
CONTAINERD_AWAY = 'connection error: desc = "transport: error while dialing": unavailable'


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with fake_engine(tmp_path) as engine:
        yield engine


@pytest.fixture
async def api(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    engine: FakeEngine,
    tmp_path: Path,
) -> AsyncIterator[Api]:
    settings = {
        "CONVEYOR_RUNTIME_TYPE": "docker",
        "CONVEYOR_RUNTIME_DOCKER_HOST": engine.host,
        "CONVEYOR_WORKER_RUNTIME_LOOK_SECONDS": "0.2",
    }
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **settings)
    try:
        for name in ("coordinator", "scheduler", "worker"):
            cluster.start(name)
        await cluster.wait_up()
        async with aiohttp.ClientSession() as session:
            yield Api(session, cluster.services[0].url)
    finally:
        await asyncio.to_thread(cluster.close)


def job(**task: Any) -> dict[str, Any]:
    return {"name": "declined", "tasks": [{"name": "t", "image": "i", "cmd": ["x"], **task}]}


async def test_a_task_that_an_engine_declines_alone_says_why_it_waits_and_fails_at_last(
    api: Api, engine: FakeEngine
) -> None:
    engine.decline = lambda config: WORDS if POISON in config["Env"] else None
    poisoned = await api.submit(job(env={"POISON": "1"}))
    # Then it tells what the engine has said as long as it waits
    error = f"could not create the container: {WORDS}"
    waiting = await api.job_when(
        poisoned["id"], lambda job: "lastReturnReason" in (job.get("execution") or [{}])[0]
    )
    [task] = waiting["execution"]
    assert (task["lastReturnReason"], task.get("error")) == (error, None)
    assert 1 <= task["engineRejections"] < MAX_ENGINE_REJECTIONS
    # And others are run meanwhile
    other = await api.submit(job())
    done = await api.final(other["id"])
    assert done["state"] == "COMPLETED", done
    # And at last it fails with it
    failed = await api.final(poisoned["id"])
    assert failed["state"] == "FAILED"
    assert failed["error"] == f"{error}; handed back {MAX_ENGINE_REJECTIONS} times"
    assert engine.declined == MAX_ENGINE_REJECTIONS


async def test_an_engine_in_trouble_of_its_own_fails_no_task_however_long_that_lasts(
    api: Api, engine: FakeEngine
) -> None:
    engine.decline = lambda _: CONTAINERD_AWAY
    submitted = await api.submit(job())
    await eventually(lambda: engine.declined >= 2 * MAX_ENGINE_REJECTIONS)
    engine.decline = lambda _: None
    done = await api.final(submitted["id"])
    assert done["state"] == "COMPLETED"
    assert "lastReturnReason" not in done["execution"][0]
