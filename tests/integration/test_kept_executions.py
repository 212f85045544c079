"""Services and daemons outlive their worker: the next one goes on with their containers."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiodocker
import pytest

from shared.messages import TaskRef
from tests.support.engines.images import BUSYBOX
from tests.support.eventually import eventually, seconds_until
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster, Service
from tests.support.services.fake_coordinator import FakeCoordinator, fake_coordinator

pytestmark = pytest.mark.real

LEASE_SECONDS = 9.0
LONG_LEASE = {"CONVEYOR_WORKER_LEASE_SECONDS": "60"}
COUNT = "n=0; while :; do echo line $n; n=$((n+1)); usleep 50000; done"


@dataclass
class Scene:
    """`engine` runs the containers of the only execution, `ref`."""

    coordinator: FakeCoordinator
    cluster: Cluster
    engine: aiodocker.Docker
    settings: dict[str, str]
    state: Path
    node: str = ""
    ref: TaskRef | None = None
    worker: Service = field(init=False)

    async def begin(self, kind: str = "service", **settings: str) -> str:
        """An execution that has written something; the id of its container."""
        self.next_worker(**settings)
        self.node = await self.next_node()
        self.ref = await self.coordinator.place(self.node, kind, image=BUSYBOX, run=COUNT)
        await self.logged(3)
        [container] = await self.containers()
        return container

    def next_worker(self, **settings: str) -> Service:
        self.worker = self.cluster.start("worker", self.settings | settings)
        return self.worker

    async def next_node(self) -> str:
        """Another worker that can be placed on."""
        return (await eventually(lambda: self.coordinator.nodes - {self.node})).pop()

    async def adopter_of(self, node: str) -> str:
        adopters = self.coordinator.adopters
        found = await eventually(lambda: [each for each, of in adopters() if of == node])
        return found[0]

    async def logged(self, number: int) -> None:
        await eventually(lambda: f"line {number}\n" in self.coordinator.log)

    async def containers(self, *, all: bool = True) -> set[str]:
        assert self.ref is not None
        label = {"label": [f"conveyor.task={self.ref.task_id}"]}
        return {each.id for each in await self.engine.containers.list(all=all, filters=label)}

    async def is_dead(self) -> bool:
        return not await self.containers(all=False)

    async def is_gone(self) -> bool:
        return not await self.containers()

    def lines(self) -> list[int]:
        return [int(number) for number in re.findall(r"line (\d+)\n", self.coordinator.log)]


@pytest.fixture(params=["docker", "podman"])
async def scene(
    request: pytest.FixtureRequest, private_rabbit: PrivateRabbit, tmp_path: Path
) -> AsyncIterator[Scene]:
    host = request.getfixturevalue(f"{request.param}_host")
    state = tmp_path / "state"
    address = "DOCKER_HOST" if request.param == "docker" else "PODMAN_SOCKET"
    settings = {
        "CONVEYOR_RUNTIME_TYPE": request.param,
        f"CONVEYOR_RUNTIME_{address}": host,
        "CONVEYOR_WORKER_NAME": "machine",
        "CONVEYOR_WORKER_LEASE_SECONDS": str(LEASE_SECONDS),
        "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
        "CONVEYOR_WORKER_DRAIN_SECONDS": "30",
        "CONVEYOR_WORKER_STATE_DIRECTORY": str(state),
    }
    cluster = Cluster(private_rabbit.url, "postgresql://unused/unused", tmp_path)
    async with (
        fake_coordinator(private_rabbit.url) as coordinator,
        aiodocker.Docker(host) as engine,
    ):
        made = Scene(coordinator, cluster, engine, settings, state)
        try:
            yield made
        finally:
            for service in cluster.services:
                if service.process.poll() is None:
                    service.send(signal.SIGCONT)
            await asyncio.to_thread(cluster.close)
            if made.ref is not None:
                for container in await made.containers():
                    with contextlib.suppress(aiodocker.DockerError):
                        await engine.containers.container(container).delete(force=True)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_next_worker_goes_on_with_the_container_and_its_log(
    scene: Scene, how: signal.Signals
) -> None:
    kind = "daemon" if how is signal.SIGKILL else "service"
    container = await scene.begin(kind, **LONG_LEASE)
    for restart in range(2):
        scene.worker.send(how)
        await asyncio.to_thread(scene.worker.process.wait)
        left_by, written = scene.node, len(scene.lines())
        scene.next_worker(**LONG_LEASE)
        scene.node = await scene.adopter_of(left_by)
        await scene.logged(written + 20)
        assert await scene.containers() == {container}, restart
    # Every line is there once, whatever the worker had not sent yet
    assert scene.lines() == list(range(len(scene.lines())))
    # And it is the new worker's in all respects
    assert scene.ref is not None
    await eventually(lambda: scene.ref in scene.coordinator.heartbeats[scene.node].tasks)
    await scene.coordinator.stop(scene.node, scene.ref)
    await eventually(scene.is_gone)
    await eventually(lambda: not list(scene.state.glob("*.json")))
    assert not any(report.returned for report in scene.coordinator.reports)


async def test_where_no_worker_comes_back_the_container_ends_before_its_lease(
    scene: Scene,
) -> None:
    await scene.begin()
    scene.worker.kill()
    seconds = await seconds_until_dead(scene, LEASE_SECONDS)
    assert seconds > LEASE_SECONDS / 2
    await eventually(lambda: [r for report in scene.coordinator.reports for r in report.returned])
    [returned] = [r for report in scene.coordinator.reports for r in report.returned]
    assert scene.ref is not None
    assert (returned.is_lost, returned.task_id) == (True, scene.ref.task_id)
    # And nothing is left to go on with
    assert not list(scene.state.glob("*.json"))


async def seconds_until_dead(scene: Scene, limit: float) -> float:
    return await seconds_until(scene.is_dead, limit)


async def test_what_the_next_worker_is_refused_is_ended(scene: Scene) -> None:
    await scene.begin(**LONG_LEASE)
    scene.worker.kill()
    scene.coordinator.grants = False
    scene.next_worker(**LONG_LEASE)
    await eventually(scene.coordinator.adopters)
    await eventually(scene.is_gone)
    await eventually(lambda: not list(scene.state.glob("*.json")))


async def test_nothing_is_taken_from_a_worker_that_is_frozen_or_has_another_name(
    scene: Scene,
) -> None:
    await scene.begin()
    scene.worker.send(signal.SIGSTOP)
    frozen = scene.worker
    scene.next_worker()
    await scene.next_node()
    # Its own watchdog ends it, as the lease can't be renewed
    await seconds_until_dead(scene, LEASE_SECONDS)
    assert scene.coordinator.adopters() == []
    frozen.kill()
    # What another has left under its name is no concern of this one's
    scene.worker.kill()
    scene.next_worker(CONVEYOR_WORKER_NAME="other")
    await eventually(lambda: len(scene.coordinator.nodes) == 3)
    assert scene.coordinator.adopters() == []


async def test_a_batch_does_not_outlive_its_worker(scene: Scene) -> None:
    await scene.begin("batch", **LONG_LEASE)
    scene.worker.kill()
    await seconds_until_dead(scene, 30)


async def test_a_time_out_goes_on_from_the_start_of_the_execution(scene: Scene) -> None:
    scene.coordinator.timeout_seconds = 8.0
    await scene.begin(**LONG_LEASE)
    scene.worker.kill()
    scene.next_worker(**LONG_LEASE)
    await eventually(scene.coordinator.adopters)
    errors = await eventually(
        lambda: [f.error for report in scene.coordinator.reports for f in report.finished]
    )
    assert errors == ["timed out after 8s"]
    await eventually(scene.is_gone)
