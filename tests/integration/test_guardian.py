"""A worker that dies, freezes or is cut off leaves nothing running when its leases end."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest

from tests.e2e.test_dev import started_dev
from tests.support.cluster import Api, Cluster, Service
from tests.support.images import BUSYBOX
from tests.support.mortal import is_alive, pids_in, until
from tests.support.postgres import PrivatePostgres
from tests.support.rabbitmq import PrivateRabbit

pytestmark = pytest.mark.real

LEASE_SECONDS = 4.0
QUICK = {
    "CONVEYOR_WORKER_LEASE_SECONDS": str(LEASE_SECONDS),
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
}
_FAMILY = (
    "sleep 1000 & echo $! >> {pids}; "
    "setsid sleep 1000 & echo $! >> {pids}; "
    "env -i sleep 1000 & echo $! >> {pids}; "
    "(trap '' TERM; sleep 1000) & echo $! >> {pids}; "
    "echo $$ >> {pids}; wait"
)
_MEMBERS = 5


@dataclass
class Scene:
    """A coordinator, a scheduler and a worker with one task that does not end by itself."""

    api: Api
    cluster: Cluster
    worker: Service
    pids: Path

    async def submit_family(self) -> tuple[str, list[int]]:
        """A job whose shell task has processes of all kinds, and their numbers."""
        job = await self.submit({"name": "family", "run": _FAMILY.format(pids=self.pids)})
        return job, await pids_in(self.pids, _MEMBERS)

    async def submit(self, task: dict[str, Any]) -> str:
        job = await self.api.submit({"name": "guarded", "tasks": [task]})
        await self.api.job_when(job["id"], lambda job: job["state"] == "RUNNING")
        return str(job["id"])

    def guardians(self) -> list[int]:
        """Those the worker has started, the last one last."""
        log = self.worker.log.read_text()
        lines = [line for line in log.splitlines() if "guardian started" in line]
        return [int(found[1]) for line in lines if (found := re.search(r'pid"?[:=] ?(\d+)', line))]


Start = Callable[..., Any]
Record = Callable[[str, object], None]


@pytest.fixture
async def start(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Start]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    async with aiohttp.ClientSession() as session:

        async def start(**settings: str) -> Scene:
            coordinator = cluster.start("coordinator")
            cluster.start("scheduler", CONVEYOR_SCHEDULE_CALM_SECONDS=str(LEASE_SECONDS))
            worker = cluster.start("worker", **QUICK, **settings)
            await cluster.wait_up()
            return Scene(Api(session, coordinator.url), cluster, worker, tmp_path / "pids")

        yield start
        for service in cluster.services:  # a frozen one could not be told to stop
            if service.process.poll() is None:
                service.send(signal.SIGCONT)
        await asyncio.to_thread(cluster.close)


def all_dead(pids: list[int]) -> Callable[[], bool]:
    return lambda: not any(map(is_alive, pids))


async def test_the_processes_of_a_killed_worker_die_with_it(
    start: Start, record_property: Record
) -> None:
    scene = await start()
    _, pids = await scene.submit_family()
    # When the worker is killed
    scene.worker.send(signal.SIGKILL)
    # Then all that its task had started is dead long before another may start it
    seconds = await until(all_dead(pids), LEASE_SECONDS)
    record_property("seconds", seconds)
    scene.worker.process.wait()
    # And so is the guardian
    await until(all_dead(scene.guardians()))


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
        await until(containers.run)
        yield scene, containers


async def test_the_container_of_a_killed_worker_is_removed_at_once(
    in_container: tuple[Scene, Containers], record_property: Record
) -> None:
    scene, containers = in_container
    scene.worker.send(signal.SIGKILL)
    record_property("seconds", await until(containers.are_dead, LEASE_SECONDS))
    await until(containers.are_gone)
    scene.worker.process.wait()
    await until(all_dead(scene.guardians()))


async def test_the_container_of_a_frozen_worker_is_removed_before_its_lease_ends(
    in_container: tuple[Scene, Containers], record_property: Record
) -> None:
    scene, containers = in_container
    first = await containers.running()
    scene.worker.send(signal.SIGSTOP)
    record_property("seconds", await until(containers.are_dead, LEASE_SECONDS))
    await until(containers.are_gone)
    # And when the worker goes on it runs the task anew
    scene.worker.send(signal.SIGCONT)
    await until(containers.run)
    assert not first & await containers.ids()
    job = await scene.api.get(f"/jobs/{containers.job}")
    assert job["state"] == "RUNNING", scene.cluster.logs()
    await scene.api.put(f"/jobs/{containers.job}/cancel")
    await until(containers.are_gone)


async def test_a_frozen_worker_loses_its_task_in_time_and_goes_on_afterwards(
    start: Start, tmp_path: Path, record_property: Record
) -> None:
    # Given a task that ends at a word from us, and says how often it was begun
    scene = await start()
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = (
        f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done; "
        f"wc -l < {starts} > $TORK_OUTPUT"
    )
    job = await scene.submit({"name": "wait", "run": run, "var": "begun"})
    [first] = await pids_in(starts, 1)
    # When its worker freezes
    scene.worker.send(signal.SIGSTOP)
    # Then the task is ended before its lease is
    seconds = await until(all_dead([first]), LEASE_SECONDS)
    record_property("seconds", seconds)
    # And when the worker goes on long after, it runs what is now another dispatch
    await scene.api.job_when(job, lambda job: job["execution"][0]["state"] == "SCHEDULED")
    scene.worker.send(signal.SIGCONT)
    await pids_in(starts, 2)
    go.touch()
    done = await scene.api.final(job)
    # And nothing of the first counts
    assert done["state"] == "COMPLETED", scene.cluster.logs()
    assert done["context"]["tasks"]["begun"].strip() == "2"
    assert len(starts.read_text().split()) == 2


async def test_a_worker_that_wakes_before_anyone_noticed_hands_its_task_back(
    start: Start, tmp_path: Path
) -> None:
    # Given a worker that freezes, and no scheduler that would notice
    scene = await start()
    scene.cluster.services[1].stop()
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    job = await scene.submit({"name": "wait", "run": run})
    [first] = await pids_in(starts, 1)
    scene.worker.send(signal.SIGSTOP)
    await until(all_dead([first]), LEASE_SECONDS)
    # When it wakes
    scene.worker.send(signal.SIGCONT)
    # Then it does not take the killed process for a task that failed
    await pids_in(starts, 2)
    go.touch()
    assert (await scene.api.final(job))["state"] == "COMPLETED", scene.cluster.logs()


async def test_a_worker_cut_off_from_the_broker_ends_its_tasks_in_time(
    start: Start, private_rabbit: PrivateRabbit, record_property: Record
) -> None:
    scene = await start()
    _, pids = await scene.submit_family()
    await asyncio.to_thread(private_rabbit.kill)
    try:
        seconds = await until(all_dead(pids), LEASE_SECONDS)
        record_property("seconds", seconds)
    finally:
        private_rabbit.launch()
        await asyncio.to_thread(private_rabbit.wait_ready)


async def test_a_task_that_lasts_many_leases_is_left_alone(start: Start, tmp_path: Path) -> None:
    scene = await start()
    run = f"sleep {2 * LEASE_SECONDS}; echo -n done > $TORK_OUTPUT"
    job = await scene.submit({"name": "long", "run": run, "var": "it"})
    done = await scene.api.final(job)
    assert (done["state"], done["context"]["tasks"]["it"]) == ("COMPLETED", "done")
    # And a worker that is told to stop takes its guardian with it
    guardians = scene.guardians()
    assert scene.worker.stop() == 0
    assert [pid for pid in guardians if is_alive(pid)] == []
    assert "tasks are ended" not in scene.worker.log.read_text()


async def test_a_guardian_that_dies_is_replaced_and_knows_what_runs(start: Start) -> None:
    # Given a task that runs while the guardian is killed
    scene = await start()
    _, pids = await scene.submit_family()
    [guardian] = scene.guardians()
    os.kill(guardian, signal.SIGKILL)
    await until(lambda: len(scene.guardians()) == 2)
    # When the worker is killed as well
    scene.worker.kill()
    # Then the new guardian ends the task
    await until(all_dead(pids), LEASE_SECONDS)


async def test_what_a_killed_conveyor_dev_ran_dies_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with started_dev(tmp_path / "data") as dev:
        script = json.dumps(_FAMILY.format(pids=pids))
        await dev.submit(f"name: family\ntasks: [{{name: a, run: {script}}}]\n")
        family = await pids_in(pids, _MEMBERS)
        dev.process.kill()
        await until(all_dead(family), LEASE_SECONDS)
