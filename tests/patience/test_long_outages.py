"""RabbitMQ away for five minutes, Postgres for one: nothing is lost, nothing runs hot meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

_RABBITMQ_AWAY_SECONDS = 300.0
_POSTGRES_AWAY_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_MOST_CPU = 0.05
"""The part of a core that a service may use while it can do nothing but wait."""
_WORKERS = ("one", "two", "three")
_DRAIN = {"CONVEYOR_WORKER_DRAIN_SECONDS": "0"}


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    """All services, three workers among them, each with a queue of its own beside `default`."""
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    for name in ("coordinator", "scheduler", "webhook_dispatcher"):
        cluster.start(name)
    for queue in _WORKERS:
        cluster.start("worker", _DRAIN, CONVEYOR_WORKER_QUEUES=f"default:1,{queue}:1")
    await cluster.wait_up()
    yield cluster
    await asyncio.to_thread(cluster.close)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_after_five_minutes_without_rabbitmq_every_worker_works_again_by_itself(
    cluster: Cluster, session: aiohttp.ClientSession, private_rabbit: PrivateRabbit
) -> None:
    api = Api(session, cluster.services[0].url)
    await _each_worker_works(api)
    # When RabbitMQ is away for five minutes, and a job is submitted meanwhile
    private_rabbit.kill()
    await _until_red(session, cluster.services, "RabbitMQ")
    submitted = await api.submit(_job("default"))
    await _waits_in_peace(session, cluster.services, _RABBITMQ_AWAY_SECONDS, "RabbitMQ")
    private_rabbit.launch()
    await asyncio.to_thread(private_rabbit.wait_ready)
    # Then the job is done, and each worker does new ones
    async with asyncio.timeout(120):
        assert (await api.final(submitted["id"]))["state"] == "COMPLETED"
        await _each_worker_works(api)
        await cluster.wait_up()


async def test_while_postgres_is_away_submissions_are_told_so_and_what_ends_is_not_lost(
    cluster: Cluster,
    session: aiohttp.ClientSession,
    private_postgres: PrivatePostgres,
    tmp_path: Path,
) -> None:
    # Given a task that runs, and whose end is ours to decide
    api = Api(session, cluster.services[0].url)
    go = tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; printf done > $TORK_OUTPUT"
    submitted = await api.submit(_job("default", script))
    await api.job_when(submitted["id"], lambda job: job["state"] == "RUNNING")
    # When it ends while Postgres is away
    await asyncio.to_thread(private_postgres.kill)
    with_database = [s for s in cluster.services if s.name != "worker"]
    await _until_red(session, with_database, "postgres")
    go.touch()
    async with session.post(f"{cluster.services[0].url}/jobs", json=_job("default")) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    await _waits_in_peace(session, with_database, _POSTGRES_AWAY_SECONDS, "postgres")
    await asyncio.to_thread(private_postgres.start)
    # Then its result counts, of its first dispatch
    job = await api.final(submitted["id"])
    assert (job["state"], job["result"]) == ("COMPLETED", "done")
    await _each_worker_works(api)


def _job(queue: str, run: str = "printf done > $TORK_OUTPUT") -> dict[str, object]:
    task = {"name": "do", "run": run, "var": "done", "queue": queue}
    return {"name": "patient", "tasks": [task], "output": "{{ tasks.done }}"}


async def _each_worker_works(api: Api) -> None:
    jobs = [await api.submit(_job(queue)) for queue in _WORKERS]
    for job in jobs:
        assert (await api.final(job["id"]))["result"] == "done"


async def _until_red(session: aiohttp.ClientSession, services: list[Service], missing: str) -> None:
    async with asyncio.timeout(60):
        for service in services:
            while missing not in (await _missing(session, service)):
                await asyncio.sleep(0.1)


async def _waits_in_peace(
    session: aiohttp.ClientSession, services: list[Service], seconds: float, missing: str
) -> None:
    """That long every health says what is missing, and nobody tries in a hot loop."""
    before = _cpu_seconds(services)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + seconds:
        await asyncio.sleep(_LOOK_SECONDS)
        for service in services:
            assert missing in await _missing(session, service), service.name
    lasted = loop.time() - began
    parts = {name: (s - before[name]) / lasted for name, s in _cpu_seconds(services).items()}
    assert max(parts.values()) < _MOST_CPU, parts


async def _missing(session: aiohttp.ClientSession, service: Service) -> str:
    async with session.get(f"{service.url}/health") as answer:
        body = await answer.text()
        return "" if answer.status == 200 else str(json.loads(body)["missing"])


def _cpu_seconds(services: list[Service]) -> Mapping[str, float]:
    """By service; what its children (tasks, the watchdog) took counts apart."""
    times = [(s, psutil.Process(s.process.pid).cpu_times()) for s in services]
    return {f"{s.name} {s.url}": t.user + t.system for s, t in times}
