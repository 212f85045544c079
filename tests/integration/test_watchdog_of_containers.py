"""A worker that dies or freezes leaves no container running when its leases end."""

import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiodocker
import pytest

from tests.support.engines.images import BUSYBOX
from tests.support.eventually import eventually, seconds_until
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.watched import LEASE_SECONDS, Scene, Start, all_dead, stage

pytestmark = pytest.mark.real

Record = Callable[[str, object], None]


@pytest.fixture
async def start(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Start]:
    async with stage(private_rabbit.url, private_postgres.tcp_dsn, tmp_path) as start:
        yield start


@dataclass
class Containers:
    """Those of one job."""

    docker: aiodocker.Docker
    job: str

    async def ids(self) -> set[str]:
        return await self._listed(all=True)

    async def running(self) -> set[str]:
        return await self._listed(all=False)

    async def are_gone(self) -> bool:
        return not await self.ids()

    async def run(self) -> bool:
        return bool(await self.running())

    async def are_dead(self) -> bool:
        return not await self.running()

    async def _listed(self, *, all: bool) -> set[str]:
        label = {"label": [f"conveyor.job={self.job}"]}
        return {each.id for each in await self.docker.containers.list(all=all, filters=label)}


@pytest.fixture
async def in_container(start: Start, docker_host: str) -> AsyncIterator[tuple[Scene, Containers]]:
    """A scene whose worker runs a container that does not end by itself."""
    settings = {"TYPE": "docker", "DOCKER_HOST": docker_host}
    scene = await start(**{f"CONVEYOR_RUNTIME_{name}": value for name, value in settings.items()})
    async with aiodocker.Docker(docker_host) as docker:
        job = await scene.submit({"name": "sleep", "image": BUSYBOX, "run": "sleep 1000"})
        containers = Containers(docker, job)
        await eventually(containers.run)
        yield scene, containers


async def test_the_container_of_a_killed_worker_is_removed_at_once(
    in_container: tuple[Scene, Containers], record_property: Record
) -> None:
    scene, containers = in_container
    scene.worker.send(signal.SIGKILL)
    record_property("seconds", await seconds_until(containers.are_dead, LEASE_SECONDS))
    await eventually(containers.are_gone)
    scene.worker.process.wait()
    await eventually(all_dead(scene.watchdogs()))


async def test_the_container_of_a_frozen_worker_is_removed_before_its_lease_ends(
    in_container: tuple[Scene, Containers], record_property: Record
) -> None:
    scene, containers = in_container
    first = await containers.running()
    scene.worker.send(signal.SIGSTOP)
    record_property("seconds", await seconds_until(containers.are_dead, LEASE_SECONDS))
    await eventually(containers.are_gone)
    # And when the worker goes on it runs the task anew
    scene.worker.send(signal.SIGCONT)
    await eventually(containers.run)
    assert not first & await containers.ids()
    job = await scene.api.get(f"/jobs/{containers.job}")
    assert job["state"] == "RUNNING", scene.cluster.logs()
    await scene.api.put(f"/jobs/{containers.job}/cancel")
    await eventually(containers.are_gone)
