"""A service outlives restarts of what is around it, and moves when its worker stays away."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest

from tests.support.engines.images import BUSYBOX
from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = pytest.mark.real

SHORT_LEASE_SECONDS = 20.0
LONG_LEASE_SECONDS = 90.0  # a busy machine starts services for a while
SERVICE = {
    "name": "web",
    "image": BUSYBOX,
    "run": "n=0; while :; do echo line $n; n=$((n+1)); usleep 200000; done",
    "placement": {"type": "service", "count": 1},
}


class Fleet:
    """A coordinator, a scheduler and workers by name; `running` are the containers of the job, at
    every look."""

    def __init__(self, cluster: Cluster, api: Api, engine: aiodocker.Docker, host: str) -> None:
        self.cluster = cluster
        self.api = api
        self.engine = engine
        self.host = host
        self.job = ""
        self.running: list[set[str]] = []

    def start_worker(self, name: str, lease: float = LONG_LEASE_SECONDS) -> Service:
        state = self.cluster.services[0].log.parent / f"state-{name}"
        settings = {
            "CONVEYOR_RUNTIME_TYPE": "docker",
            "CONVEYOR_RUNTIME_DOCKER_HOST": self.host,
            "CONVEYOR_WORKER_NAME": name,
            "CONVEYOR_WORKER_LEASE_SECONDS": str(lease),
            "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
            "CONVEYOR_WORKER_STATE_DIRECTORY": str(state),
        }
        return self.cluster.start("worker", settings)

    async def serve(self) -> str:
        """The id of the container of a service that runs."""
        self.job = (await self.api.submit({"name": "served", "tasks": [SERVICE]}))["id"]
        await eventually(self.containers)
        [container] = await self.containers()
        await self.logged("line 3\n")
        return container

    async def containers(self) -> set[str]:
        label = {"label": [f"conveyor.job={self.job}"]}
        return {each.id for each in await self.engine.containers.list(filters=label)}

    async def watch(self) -> None:
        while True:
            if self.job:
                self.running.append(await self.containers())
            await asyncio.sleep(0.05)

    async def answers(self) -> bool:
        try:
            return bool(await self.api.get(f"/jobs/{self.job}"))
        except aiohttp.ClientError:  # it has not begun to listen
            return False

    async def logged(self, text: str) -> None:
        await eventually(lambda: self._has_logged(text), 120)

    async def _has_logged(self, text: str) -> bool:
        return text in await self.log()

    async def log(self) -> str:
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"number": 0, "totalPages": 1}
        while page["number"] < page["totalPages"]:
            page = await self.api.get(f"/jobs/{self.job}/log?size=100&page={page['number'] + 1}")
            found += page["items"]
        return "".join(part["contents"] for part in sorted(found, key=lambda part: part["number"]))


@pytest.fixture
async def fleet(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    docker_host: str,
    tmp_path: Path,
) -> AsyncIterator[Fleet]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    async with aiohttp.ClientSession() as session, aiodocker.Docker(docker_host) as engine:
        coordinator = cluster.start("coordinator")
        cluster.start("scheduler", CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS="5")
        made = Fleet(cluster, Api(session, coordinator.url), engine, docker_host)
        watching = asyncio.create_task(made.watch())
        try:
            yield made
        finally:
            watching.cancel()
            if made.job:
                await made.api.put(f"/jobs/{made.job}/cancel")
                with contextlib.suppress(TimeoutError):
                    await eventually(lambda: _no(made), 30)
            await asyncio.to_thread(cluster.close)


async def _no(fleet: Fleet) -> bool:
    return not await fleet.containers()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_service_outlives_its_worker_its_scheduler_and_its_coordinator(
    fleet: Fleet, how: signal.Signals
) -> None:
    worker = fleet.start_worker("machine")
    await fleet.cluster.wait_up()
    container = await fleet.serve()
    lines = (await fleet.log()).count("line")
    for service in (worker, *fleet.cluster.services[:2]):
        service.send(how)
        await asyncio.to_thread(service.process.wait)
    fleet.api.url = fleet.cluster.start("coordinator").url
    fleet.cluster.start("scheduler", CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS="5")
    fleet.start_worker("machine")
    await eventually(fleet.answers)
    await fleet.logged(f"line {lines + 30}\n")
    # The very same container, and never another beside it
    assert {frozenset(each) for each in fleet.running if each} == {frozenset({container})}
    written = [line for line in (await fleet.log()).splitlines() if line.startswith("line")]
    assert written == [f"line {number}" for number in range(len(written))]
    job = await fleet.api.get(f"/jobs/{fleet.job}")
    assert job["state"] == "RUNNING"


async def test_a_service_moves_once_its_worker_stays_away_and_never_runs_twice(
    fleet: Fleet,
) -> None:
    workers = [fleet.start_worker(name, SHORT_LEASE_SECONDS) for name in ("one", "two")]
    await fleet.cluster.wait_up()
    container = await fleet.serve()
    shown = await fleet.engine.containers.container(container).show()
    node = shown["Config"]["Labels"]["conveyor.node"]
    [its_worker] = [each for each in workers if node in each.log.read_text()]
    its_worker.kill()
    await eventually(lambda: [each for each in fleet.running if each - {container}], 120)
    assert max(len(each) for each in fleet.running) == 1
