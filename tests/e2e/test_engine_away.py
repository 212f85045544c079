"""A container engine that hangs, is killed or restarted under running tasks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest

from services.worker.runtimes.containers.labels import LABEL_NODE
from tests.support.availability import unavailable
from tests.support.engines.docker_engine import PrivateDocker
from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.images import BUSYBOX, make_images
from tests.support.eventually import eventually
from tests.support.servers.frozen_server import freeze, thaw
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = pytest.mark.real

# Everything that waits for the engine is impatient, so that an engine that hangs shows soon.
SETTINGS = {
    "CONVEYOR_RUNTIME_TYPE": "docker",
    "CONVEYOR_RUNTIME_CONTAINER_NETWORK": "none",
    "CONVEYOR_RUNTIME_ENGINE_TIMEOUT_SECONDS": "3",
    "CONVEYOR_RUNTIME_BIND_ALLOWED": "true",
    "CONVEYOR_WORKER_RUNTIME_LOOK_SECONDS": "1",
    "CONVEYOR_WORKER_LEFTOVERS_LOOK_SECONDS": "2",
    "CONVEYOR_WORKER_LEASE_SECONDS": "6",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "1",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "7",
}
BEFORE, DURING = 6, 3


@pytest.fixture(scope="module")
def docker() -> Iterator[PrivateDocker]:
    """One of our own: what is done to it must disturb nobody else's containers. Its socket stays
    while it is away, as where systemd starts it."""
    try:
        engine = PrivateDocker(keeps_socket=True)
    except EngineUnavailable as error:  # the machine can't: say so
        unavailable(f"a Docker engine of the test's own: {error}")
    try:
        make_images(engine.host)
        yield engine
    finally:
        engine.close()


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    docker: PrivateDocker,
    tmp_path: Path,
) -> AsyncIterator[Cluster]:
    (tmp_path / "book").mkdir()
    settings = {
        **SETTINGS,
        "CONVEYOR_RUNTIME_DOCKER_HOST": docker.host,
        "CONVEYOR_RUNTIME_BIND_SOURCES": str(tmp_path),
    }
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **settings)
    try:
        for name in ("coordinator", "scheduler", "worker", "worker"):
            cluster.start(name)
        await cluster.wait_up()
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


class Book:
    """What the tasks write while they run: a line every moment, with the container's own name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "book"

    def job(self, name: str) -> dict[str, Any]:
        """Writes for some seconds; told to end it does, as if all were well."""
        work = (
            "trap 'exit 0' TERM; "
            'i=0; while [ $i -lt 20 ]; do echo "$NAME $(cat /etc/hostname)" >> /book/book; '
            "i=$((i + 1)); sleep 0.2; done; printf '%s' $NAME > $TORK_OUTPUT"
        )
        mount = {"type": "bind", "source": str(self._directory), "target": "/book"}
        task: dict[str, Any] = {"name": "write", "var": "written", "image": BUSYBOX, "run": work}
        task |= {"env": {"NAME": name}, "mounts": [mount]}
        return {"name": name, "tasks": [task], "output": "{{ tasks.written }}"}

    def containers_of(self, name: str) -> list[str]:
        """In the order of their lines; one that comes back after another ran beside it."""
        if not self._file.exists():
            return []
        lines = [line.split() for line in self._file.read_text().splitlines()]
        return [container for container, _ in groupby(at for of, at in lines if of == name)]


@asynccontextmanager
async def hung(docker: PrivateDocker) -> AsyncIterator[None]:
    await asyncio.to_thread(freeze, docker.pid)
    try:
        yield
    finally:
        await asyncio.to_thread(thaw, docker.pid)


@asynccontextmanager
async def killed(docker: PrivateDocker) -> AsyncIterator[None]:
    await asyncio.to_thread(docker.kill)
    try:
        yield
    finally:
        docker.start()  # in this thread: the engine ends with the one that started it


@asynccontextmanager
async def stopped(docker: PrivateDocker) -> AsyncIterator[None]:
    await asyncio.to_thread(docker.stop)
    try:
        yield
    finally:
        docker.start()  # in this thread: the engine ends with the one that started it


Fault = Callable[[PrivateDocker], Any]


@pytest.mark.parametrize("fault", [hung, killed, stopped])
async def test_every_task_ends_well_and_none_runs_twice_at_once_when_the_engine_is(
    fault: Fault, cluster: Cluster, docker: PrivateDocker, tmp_path: Path
) -> None:
    book = Book(tmp_path / "book")
    workers = [service for service in cluster.services if service.name == "worker"]
    async with aiohttp.ClientSession() as session:
        api = Api(session, cluster.services[0].url)
        # Given tasks in containers, all running
        before = [f"before-{n}" for n in range(BEFORE)]
        ids = {name: (await api.submit(book.job(name)))["id"] for name in before}
        await eventually(lambda: all(book.containers_of(name) for name in before))
        async with fault(docker):
            # When their engine is away, while more are submitted
            await until_health_is(session, workers, 503)
            during = [f"during-{n}" for n in range(DURING)]
            ids |= {name: (await api.submit(book.job(name)))["id"] for name in during}
        # Then all end as they should once it is back
        for name, job_id in ids.items():
            job = await api.final(job_id)
            assert (job["state"], job.get("result")) == ("COMPLETED", name), str(job)
        # And never did two containers work on one task
        runs = {name: book.containers_of(name) for name in ids}
        assert all(len(set(run)) == len(run) for run in runs.values()), runs
        await until_health_is(session, workers, 200)
    await until_nothing_is_left(docker)


async def until_health_is(
    session: aiohttp.ClientSession, services: list[Service], status: int
) -> None:
    async with asyncio.timeout(60):
        for service in services:
            while await health(session, service) != status:
                await asyncio.sleep(0.1)


async def health(session: aiohttp.ClientSession, service: Service) -> int:
    async with session.get(f"{service.url}/health") as answer:
        return answer.status


async def until_nothing_is_left(docker: PrivateDocker) -> None:
    async with aiodocker.Docker(docker.host) as client, asyncio.timeout(60):
        while await client.containers.list(all=True, filters=f'{{"label": ["{LABEL_NODE}"]}}'):
            await asyncio.sleep(0.2)
