"""(c) Containers of `true` through a worker, beside the same containers by bare engine calls."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from aiodocker import Docker

from bench.client import Client, container_job
from bench.run import Run, spread
from bench.services import COORDINATOR, opened_services
from bench.table import Table
from services.worker.runtimes.containers.engine_calls import connect
from tests.support.engines.docker_engine import PrivateDocker, existing_docker
from tests.support.engines.images import BUSYBOX, make_images

AT_ONCE = 4
_CONTAINERS, _QUICK_CONTAINERS = 100, 24
_ROUND_CONTAINERS = 12  # so few that noise meets both sides of a round alike


async def measure(run: Run) -> Table:
    with engine_host() as host:
        await asyncio.to_thread(make_images, host, (BUSYBOX,))
        docker = connect(host)
        try:
            return await _compare(run, host, docker)
        finally:
            await docker.close()
            if docker.connector is not None:  # one that is given is left open
                await docker.connector.close()


@contextmanager
def engine_host() -> Iterator[str]:
    existing = existing_docker()
    if existing is not None:
        yield existing
        return
    private = PrivateDocker()
    try:
        yield private.host
    finally:
        private.close()


async def _compare(run: Run, host: str, docker: Docker) -> Table:
    total = _QUICK_CONTAINERS if run.quick else _CONTAINERS
    rounds = -(-total // _ROUND_CONTAINERS)
    worker = {
        "CONVEYOR_RUNTIME_TYPE": "docker",
        "CONVEYOR_RUNTIME_DOCKER_HOST": host,
        "CONVEYOR_WORKER_QUEUES": f"default:{AT_ONCE}",
    }
    bare: list[float] = []
    ours: list[float] = []
    async with (
        opened_services(run.ground, worker, run.profile) as services,
        Client(run.ground, services[COORDINATOR], services.values()) as client,
    ):
        await _bare_round(docker)
        await _our_round(client)
        for number in range(rounds):
            # In turn first: who comes second meets what the first left to clean up.
            for is_ours in (number % 2 == 0, number % 2 == 1):
                (ours if is_ours else bare).append(
                    await _our_round(client) if is_ours else await _bare_round(docker)
                )
    return _table(rounds, bare, ours)


async def _our_round(client: Client) -> float:
    """Milliseconds a container."""
    return await client.run([container_job(BUSYBOX)] * _ROUND_CONTAINERS) / _ROUND_CONTAINERS * 1000


async def _bare_round(docker: Docker) -> float:
    """Milliseconds a container."""
    slots = asyncio.Semaphore(AT_ONCE)
    began = time.perf_counter()
    await asyncio.gather(*(_bare_container(docker, slots) for _ in range(_ROUND_CONTAINERS)))
    return (time.perf_counter() - began) / _ROUND_CONTAINERS * 1000


async def _bare_container(docker: Docker, slots: asyncio.Semaphore) -> None:
    async with slots:
        container = await docker.containers.create({"Image": BUSYBOX, "Cmd": ["true"]})
        await container.start()
        await container.wait()
        await container.log(stdout=True, stderr=True)
        await container.delete()


def _table(rounds: int, bare: list[float], ours: list[float]) -> Table:
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return Table(
        f"(c) {rounds * _ROUND_CONTAINERS} containers of `true`, {AT_ONCE} at a time,"
        f" rounds of {_ROUND_CONTAINERS}",
        ("by", "ms a container: median (least to most)", "to bare"),
        (
            ("bare engine calls", spread(bare), ""),
            ("Conveyor", spread(ours), f"{median(ours) / median(bare):.2f}"),
        ),
        (
            "bare: create, start, wait, logs, delete",
            f"ratio of each round: {spread(ratios, '.2f')}",
        ),
    )
